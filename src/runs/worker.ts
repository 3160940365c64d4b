import { AsyncLocalStorage } from 'node:async_hooks'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import type { AssetDefinition } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { AssayError } from '../errors.ts'
import { localStore } from '../iceberg/stores/local.ts'
import { LOCAL } from '../config.ts'
import { collectAssets } from '../project/collect.ts'
import type { Project } from '../project/define-project.ts'
import { holdModules } from '../project/module-record.ts'
import { readManifest } from '../project/manifest.ts'
import { openDuckdb } from '../resources/duckdb.ts'
import { openedResources } from '../resources/opened.ts'
import { masked } from '../resources/secret.ts'
import type { SqlEngine } from '../sql/engine.ts'
import { answerStep } from './answer-step.ts'
import type { StepEnvironment } from './step-environment.ts'
import { endMark, type FromWorker, PRINTED, type StepMessage, type ToWorker, type WorkerOptions } from './worker-protocol.ts'

/** Entry of a worker process. All user code of a run lives here. */
const options = JSON.parse(process.argv[2] ?? '{}') as WorkerOptions
const loaded = readManifest(options.manifestFile)
holdModules(options.root, loaded.manifest.sources)
const store = localStore()
let engine: Promise<SqlEngine> | undefined

const send = (message: FromWorker): void => {
  process.send?.(message)
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'step') void work(message)
  else void end()
})
// The supervisor is gone, and the next one cleans up what was staged. An orderly exit would first wait for the engine to
// end its query, and so write files behind the back of that cleaning.
process.on('disconnect', () => {
  try {
    // It leads a group of its own: what the step has started ends with it.
    process.kill(-process.pid, 'SIGKILL')
  } finally {
    process.kill(process.pid, 'SIGKILL')
  }
})
// The supervisor decides what becomes of a step.
process.on('SIGINT', () => {})
send({ type: 'ready' })

/** Everything that a step sets going runs within its message, also after its end. */
const origin = new AsyncLocalStorage<StepMessage>()
let current: StepMessage | undefined
let last: StepMessage | undefined
let isSpent = false

// What a step throws past its own promise ends it with its worker: it might wait for ever for what did not happen. What an
// earlier step left going must not end another one.
process.on('uncaughtException', (error) => {
  const by = origin.getStore() ?? current ?? last
  if (by === undefined || by === current) {
    writeLine('stderr', masked(inspect(error)))
    process.exit(1)
  }
  isSpent = true
  send({ type: 'spent', by: endMark(by), text: masked(inspect(error)) })
})

async function work(step: StepMessage): Promise<void> {
  if (isSpent) return send({ type: 'refused' })
  current = step
  last = step
  const environment = environmentOf()
  const answer = await origin.run(step, async () => {
    await prepare(environment, step)
    send({ type: 'begun' })
    return answerStep(environment, step, options.root)
  })
  current = undefined
  process.send?.(answer, () => PRINTED.forEach((stream) => writeLine(stream, endMark(step))))
}

/** What a cold worker does first is not counted as time of the step. What fails here fails again in the step, which then tells. */
async function prepare(environment: StepEnvironment, step: StepMessage): Promise<void> {
  for (const key of step.assets) {
    const spec = loaded.asset(key)
    if (spec?.compute?.kind === 'typescript' || spec?.observe !== undefined) await environment.definition(spec).catch(() => {})
    if (spec?.kind === 'table')
      await environment.session().then(
        (session) => session.close(),
        () => {},
      )
  }
}

const writers = { stdout: process.stdout.write.bind(process.stdout), stderr: process.stderr.write.bind(process.stderr) }

/** Past what user code may have put in place of `write`. Where it has ended the stream, only the end of the process tells. */
const writeLine = (stream: 'stdout' | 'stderr', line: string): void => {
  writers[stream](`${line}\n`, (error) => {
    if (error) process.exit(1)
  })
}

function environmentOf(): StepEnvironment {
  return {
    loaded,
    store,
    definition,
    session: async () => {
      const opening = engine ?? openDuckdb({ threads: options.threads, memoryLimit: `${options.memory}B`, tempFolder: options.tempFolder })
      engine = opening
      return (await opening).session()
    },
    log: { info: (text) => log(text), warn: (text) => log(`warning: ${text}`) },
    use: (resource) => opened.use(resource),
  }
}

/** What user code prints may hold a secret that it was given. */
const log = (text: string): void => send({ type: 'log', text: masked(text) })
for (const stream of PRINTED) {
  process[stream].write = (chunk: string | Uint8Array, ...rest: never[]) =>
    writers[stream](typeof chunk === 'string' ? masked(chunk) : chunk, ...rest)
}

const source = { root: options.root, profile: options.profile, env: process.env }
const opened = openedResources(source, async () => {
  if (options.profile === LOCAL) return []
  const project = (await import(pathToFileURL(options.projectFile).href)) as { readonly default: Project }
  return project.default.profiles?.[options.profile] ?? []
})

async function end(): Promise<void> {
  for (const fault of await opened.close()) console.error(fault)
  process.exit(0)
}

const found = new Map<string, AssetDefinition>()

/** Another file, not imported yet, may say how an asset is made that this one exports. */
const isComplete = ({ made, observed }: AssetDefinition): boolean => made !== undefined || observed !== undefined

/** Imports the file that declares the asset; the whole project only where the asset is not exported from it. */
async function definition(spec: AssetSpec): Promise<AssetDefinition> {
  const own = spec.compute?.kind === 'typescript' ? spec.compute : spec.observe
  const modules = [own === undefined ? undefined : resolve(options.root, own.module), options.projectFile]
  for (const file of modules) {
    if (found.has(spec.key) || file === undefined) continue
    const module: object = await import(pathToFileURL(file).href)
    for (const each of collectAssets({ name: file, assets: { module }, where: undefined })) if (isComplete(each)) found.set(each.key, each)
  }
  const known = found.get(spec.key)
  if (known === undefined)
    throw new AssayError('ASSAY-1007', `${spec.key} is not exported, so a worker cannot find it`, { where: spec.where })
  return known
}
