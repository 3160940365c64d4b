import { AsyncLocalStorage } from 'node:async_hooks'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { parseFrame } from '../call-site.ts'
import type { AssetDefinition } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { AssayError, type Problem, type SourceLocation, toProblem } from '../errors.ts'
import { localStore } from '../iceberg/stores/local.ts'
import { LOCAL } from '../config.ts'
import { collectAssets } from '../project/collect.ts'
import type { Project } from '../project/define-project.ts'
import { holdModules } from '../project/module-record.ts'
import { readManifest } from '../project/manifest.ts'
import { openDuckdb } from '../resources/duckdb.ts'
import { openedResources } from '../resources/opened.ts'
import { masked } from '../resources/secret.ts'
import { type SqlEngine, SqlError } from '../sql/engine.ts'
import { fileProblem } from '../tables/read.ts'
import { executeStep, type StepEnvironment } from './execute-step.ts'
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
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// Ctrl-C reaches the whole process group; the supervisor decides what becomes of a step.
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
  const answer = await origin.run(step, () => answerTo(step))
  current = undefined
  process.send?.(answer, () => PRINTED.forEach((stream) => writeLine(stream, endMark(step))))
}

const writers = { stdout: process.stdout.write.bind(process.stdout), stderr: process.stderr.write.bind(process.stderr) }

/** Past what user code may have put in place of `write`. Where it has ended the stream, only the end of the process tells. */
const writeLine = (stream: 'stdout' | 'stderr', line: string): void => {
  writers[stream](`${line}\n`, (error) => {
    if (error) process.exit(1)
  })
}

async function answerTo(step: StepMessage): Promise<FromWorker> {
  try {
    const result = await executeStep(environmentOf(), step)
    if (result.kind === 'skipped') return { type: 'skipped', reason: result.reason }
    if (result.kind === 'done') {
      const { tables, checks, unchanged, equal } = result
      return { type: 'done', tables, checks, ...(unchanged && { unchanged }), ...(equal && { equal }) }
    }
    return { type: 'failed', outcome: 'blocked', problem: blockedProblem(step, result.checks), checks: result.checks }
  } catch (error) {
    return { type: 'failed', outcome: 'failed', problem: maskedProblem(toProblem(userError(error))), checks: [] }
  }
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

/** What user code prints or throws may hold a secret that it was given. */
const maskedProblem = ({ what, details, trace, ...problem }: Problem): Problem => ({
  ...problem,
  what: masked(what),
  ...(details === undefined ? {} : { details: details.map(masked) }),
  ...(trace === undefined ? {} : { trace: masked(trace) }),
})
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

/** Imports the file that declares the asset; the whole project only where the asset is not exported from it. */
async function definition(spec: AssetSpec): Promise<AssetDefinition> {
  const modules = [spec.compute?.kind === 'typescript' ? resolve(options.root, spec.compute.module) : undefined, options.projectFile]
  for (const file of modules) {
    if (found.has(spec.key) || file === undefined) continue
    const module: object = await import(pathToFileURL(file).href)
    for (const own of collectAssets({ name: file, assets: { module }, where: undefined })) found.set(own.key, own)
  }
  const known = found.get(spec.key)
  if (known?.made === undefined)
    throw new AssayError('ASSAY-1007', `${spec.key} is not exported, so a worker cannot find it`, { where: spec.where })
  return known
}

/** An exception of user code, at the first frame that is not Assay's. */
function userError(error: unknown): unknown {
  if (error instanceof AssayError) return error
  if (error instanceof SqlError) {
    const known = fileProblem(error)
    return known === error ? new AssayError('ASSAY-3008', error.message, { cause: error }) : known
  }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  const where = error instanceof Error ? userFrame(error) : undefined
  return where === undefined ? error : new AssayError('ASSAY-3003', text, { where, cause: error })
}

function userFrame(error: Error): SourceLocation | undefined {
  const own = resolve(import.meta.dirname, '..')
  const frames = (error.stack ?? '').split('\n').map(parseFrame)
  const isTheirs = ({ file }: SourceLocation): boolean =>
    file.startsWith(options.root) && !file.startsWith(own) && !file.includes('node_modules')
  return frames.find((frame) => frame !== undefined && isTheirs(frame))
}

function blockedProblem(step: StepMessage, checks: Extract<FromWorker, { type: 'failed' }>['checks']): ReturnType<typeof toProblem> {
  const failing = checks.filter((check) => check.blocking && check.outcome !== 'pass')
  const first = failing[0]
  const spec = loaded.asset(step.asset)?.checks.find((check) => check.name === first?.check)
  const details = failing.flatMap((check) => [`${check.check}: ${check.observed}`, ...check.samples.map((sample) => `  ${sample}`)])
  return toProblem(
    new AssayError('ASSAY-5001', `${step.asset}: check ${first?.check ?? ''} failed`, {
      where: spec?.where ?? loaded.asset(step.asset)?.where,
      details,
    }),
  )
}
