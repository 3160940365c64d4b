import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { AssetSpec } from '../src/assets/spec.ts'
import { select } from '../src/assets/selection.ts'
import { assetKey } from '../src/keys.ts'
import { makePlan } from '../src/runs/plan.ts'
import { type Benchmark, inFolder, measure, type Measured, repeat, type Sample } from './benchmark.ts'
import { startLanguageServer } from './model/language-server.ts'
import { partitioned } from './model/partitioned.ts'
import { editSqlProject, layeredProject, sqlProject, typedProject, writeProject } from './model/projects.ts'
import { statusBenchmark } from './model/status.ts'

const ROOT = resolve(import.meta.dirname, '..')
const ASSAY = join(ROOT, 'bin/assay.js')
const TSC = join(ROOT, 'node_modules/@typescript/native/bin/tsc')

const LAYERED =
  'whole `assay plan` of 10,000 assets: 100 layers of 100, two deps each, no columns, one module; Assay itself compiled before'
const SQL = 'whole `assay plan` of 10,000 assets in 1,000 modules, six columns and a statement of its own each'

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'model.plan-cold-10k',
    unit: 's',
    must: '≤ 1.0',
    reach: `${LAYERED}; nothing of the project kept`,
    run: () => coldPlans('seconds'),
  },
  {
    name: 'model.plan-cold-10k-memory',
    unit: 'MB',
    must: '≤ 200',
    reach: 'the same, the largest process at its peak',
    run: () => coldPlans('memory_mb'),
  },
  {
    name: 'model.plan-real-first',
    unit: 's',
    must: '≤ 15, ≤ 450 MB',
    reach: `${SQL}; nothing of the project kept`,
    run: () => inFolder(firstPlans),
  },
  {
    name: 'model.plan-real-again',
    unit: 's',
    must: '≤ 1.5, ≤ 300 MB',
    reach: `${SQL}; one statement of one module is another than at the last plan`,
    run: () => inFolder(plansAgain),
  },
  {
    name: 'model.plan-warm-10k',
    unit: 's',
    must: '≤ 1.0',
    reach: 'in `assay dev` of that project, from the change of a statement to the new plan, the wait for more changes included',
    run: () => inFolder(plansInDev),
  },
  {
    name: 'model.select-10k',
    unit: 'ms',
    must: '≤ 10',
    reach: '`+x+` of 10,000 assets in 100 layers, from text to keys; the graph is made once for each manifest, extra says in what time',
    run: async () => repeat(9, async () => selection()),
  },
  {
    name: 'model.plan-1m-partitions',
    unit: 'ms',
    must: '≤ 50, ≤ 64 MB',
    reach: 'makePlan of 1,000,000 hours, and of hours read by days over 20 years, three ranges of 10 days missing; memory is what it takes',
    run: () => repeat(9, async () => planOfMany()),
  },
  statusBenchmark,
  {
    name: 'model.typecheck-lakehouse',
    unit: 's',
    must: '≤ 2',
    reach: '`tsc --noEmit` of TypeScript 7 over lakehouse/ and the source that it imports, whole process',
    run: () => inFolder((folder) => typeChecks(folder, [join(ROOT, 'lakehouse')])),
  },
  {
    name: 'model.typecheck-1k',
    unit: 's',
    must: '≤ 4',
    reach: 'the same over 1,000 generated assets of 20 columns, five a file, half of them SQL',
    run: () =>
      inFolder(async (folder) => {
        await writeProject(folder, typedProject(1000))
        return typeChecks(folder, [folder])
      }),
  },
  {
    name: 'model.completion-3k',
    unit: 'ms',
    must: '≤ 50',
    reach: 'language server: completion at `c.` in the last of 3,000 such assets, right after an edit of that file',
    run: () => inFolder(completions),
  },
]

const plan = (folder: string): Promise<Measured> => succeed(measure(process.execPath, [ASSAY, 'plan'], { cwd: folder, env: clean() }))

let cold: Promise<readonly Measured[]> | undefined

/** Both figures are of the same runs. */
async function coldPlans(figure: 'seconds' | 'memory_mb'): Promise<readonly Sample[]> {
  cold ??= inFolder(async (folder) => {
    await writeProject(folder, layeredProject(100))
    await plan(folder)
    return inTurn(5, async () => {
      await rm(join(folder, '.assay'), { recursive: true })
      // Another text, so that Node has not compiled it either.
      await writeFile(join(folder, 'project.ts'), `${await readFile(join(folder, 'project.ts'), 'utf8')}\n`)
      return plan(folder)
    })
  })
  return (await cold).map((measured) => ({ value: measured[figure], input: { assets: 10_000 }, memory_mb: measured.memory_mb }))
}

const REAL = { assets: 10_000, modules: 1000 }

async function firstPlans(folder: string): Promise<readonly Sample[]> {
  await writeProject(folder, sqlProject(REAL.modules))
  return repeat(3, async () => {
    await rm(join(folder, '.assay'), { recursive: true, force: true })
    return sampleOf(await plan(folder))
  })
}

async function plansAgain(folder: string): Promise<readonly Sample[]> {
  await writeProject(folder, sqlProject(REAL.modules))
  await plan(folder)
  return repeat(5, async (run) => {
    await editSqlProject(folder, run)
    return sampleOf(await plan(folder))
  })
}

const sampleOf = ({ seconds, memory_mb }: Measured): Sample => ({ value: seconds, input: REAL, memory_mb })

async function plansInDev(folder: string): Promise<readonly Sample[]> {
  await writeProject(folder, sqlProject(REAL.modules))
  await plan(folder)
  const dev = spawn(process.execPath, [ASSAY, 'dev', '--json'], { cwd: folder, env: clean(), stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: dev.stdout })
  try {
    await once(lines, 'line')
    return await repeat(5, async (run) => {
      const told = once(lines, 'line')
      const began = performance.now()
      await editSqlProject(folder, run)
      const [line] = (await told) as [string]
      if (!line.includes('"code":["layer3.a3050"]')) throw new Error(`another change was told: ${line.slice(0, 300)}`)
      return { value: (performance.now() - began) / 1000, input: REAL }
    })
  } finally {
    dev.kill()
    await once(dev, 'exit')
  }
}

function selection(): Sample {
  const keyOf = (layer: number, i: number): AssetSpec['key'] => assetKey(`layer${layer}.a${i}`)
  const assets = Array.from({ length: 10_000 }, (_, n): AssetSpec => {
    const [layer, i] = [Math.floor(n / 100), n % 100]
    const reads = layer === 0 ? [] : [keyOf(layer - 1, i), keyOf(layer - 1, (i + 37) % 100)]
    return {
      key: keyOf(layer, i),
      kind: 'marker',
      columns: [],
      rowKey: [],
      partitions: { dim: 'none' },
      deps: reads.map((asset, at) => ({ name: `d${at}`, asset, mapping: { kind: 'all' } })),
      codeVersion: '',
      checks: [],
      retry: { max: 0, delay: 0 },
      backfill: { partitionsPerStep: 1 },
    }
  })
  const first = timed(() => select(assets, 'layer0.a0'))
  const { ms, result } = timed(() => select(assets, '+layer50.a7+'))
  if (result.length < 2000) throw new Error(`${result.length} assets are selected`)
  return { value: ms, input: { assets: assets.length, selected: result.length }, extra: { graph_ms: Math.round(first.ms) } }
}

function planOfMany(): Sample {
  const { loaded, states } = partitioned()
  const before = process.memoryUsage().rss
  const request = { request: 'bench', selection: loaded.manifest.assets.map(({ key }) => key), force: false }
  const { ms, result } = timed(() => makePlan(loaded, states, request, 0))
  if (result.steps.length < 60) throw new Error(`${result.steps.length} steps`)
  return {
    value: ms,
    input: { partitions: 1_000_000, hours: 175_320, steps: result.steps.length },
    memory_mb: (process.memoryUsage().rss - before) / 2 ** 20,
  }
}

function timed<T>(run: () => T): { readonly ms: number; readonly result: T } {
  const began = performance.now()
  const result = run()
  return { ms: performance.now() - began, result }
}

async function configure(folder: string, include: readonly string[]): Promise<void> {
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { noUnusedLocals: false },
      include,
      exclude: ['node_modules'],
    }),
  )
}

async function typeChecks(folder: string, include: readonly string[]): Promise<readonly Sample[]> {
  await configure(folder, include)
  const typeRoots = join(ROOT, 'node_modules/@types')
  return repeat(3, async () => {
    const args = ['--noEmit', '-p', folder, '--typeRoots', typeRoots]
    const { seconds, memory_mb } = await succeed(measure(process.execPath, [TSC, ...args], { cwd: folder, env: clean() }))
    return { value: seconds, input: {}, memory_mb }
  })
}

const TYPED = 3000

async function completions(folder: string): Promise<readonly Sample[]> {
  await writeProject(folder, typedProject(TYPED))
  await configure(folder, [folder])
  const file = join(folder, `f${TYPED / 5 - 1}.ts`)
  const text = await readFile(file, 'utf8')
  const at = text.lastIndexOf('checks: (c) => [')
  const typed = `${text.slice(0, at)}checks: (c) => [c.`
  const rest = text.slice(at + 'checks: (c) => ['.length)
  const lines = typed.split('\n')
  const place = { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 }
  const server = await startLanguageServer(process.execPath, [TSC, '--lsp', '--stdio'], folder)
  try {
    server.open(file, text)
    // Where every word may stand: the whole project has been read then.
    await server.complete(file, { line: 0, character: 0 })
    return await repeat(9, async (run) => {
      server.change(file, `${typed}${' '.repeat(run)}, ${rest}`)
      const began = performance.now()
      const labels = await server.complete(file, place)
      if (!labels.includes('c19')) throw new Error(`completes to ${labels.slice(0, 20).join(', ')}`)
      return { value: performance.now() - began, input: { assets: TYPED, columns: 20 } }
    })
  } finally {
    server.close()
  }
}

async function inTurn<T>(times: number, run: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = []
  for (let i = 0; i < times; i++) results.push(await run())
  return results
}

/** The environment without settings of a shop that someone has open. */
const clean = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ASSAY_') && !name.startsWith('LAKEHOUSE_')))

async function succeed(running: Promise<Measured>): Promise<Measured> {
  const ended = await running
  if (ended.code !== 0) throw new Error(`exit code ${ended.code}: ${ended.stderr}${ended.stdout.slice(-2000)}`)
  return ended
}
