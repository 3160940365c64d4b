import { symlink, mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { clickstream } from '../lakehouse/generator/clickstream.ts'
import { clickstreamSettings } from '../lakehouse/settings.ts'
import { appendVersusCopy } from './append/copy.ts'
import { type Benchmark, inFolder, measure, type Measured, repeat, type Sample } from './benchmark.ts'

const ROOT = resolve(import.meta.dirname, '..')
const ASSAY = join(ROOT, 'bin/assay.js')

export const benchmarks: readonly Benchmark[] = [
  {
    name: 'core.append-vs-copy',
    unit: 'x',
    must: '≤ 1.3',
    reach:
      'append of random rows by day: files, manifest, metadata and catalog, all synced, ÷ raw COPY … PARTITION_BY of the same rows, by turns',
    run: () => inFolder(appendVersusCopy),
  },
  {
    name: 'core.noop-step',
    unit: 'ms',
    must: '≤ 2',
    reach: 'whole `assay materialize` of independent assets without a schema, events durable, ÷ their number; the manifest is cached',
    run: () => inFolder(noopSteps),
  },
  {
    name: 'core.start',
    unit: 's',
    must: '≤ 60',
    reach: '`npm start -- --once` with nothing there: generate, materialize the lakehouse, show the results',
    run: () => repeat(3, () => inFolder(async (folder) => sampleOf(await start(folder)))),
  },
  {
    name: 'core.start-again',
    unit: 's',
    must: '≤ 2',
    reach: '`npm start -- --once` with all fresh, until the results are shown',
    run: () =>
      inFolder(async (folder) => {
        await start(folder)
        return repeat(5, async () => sampleOf(await start(folder)))
      }),
  },
  {
    name: 'core.generate',
    unit: 'events/s',
    must: '≥ 300000',
    reach: 'the NDJSON bytes of the whole span, in one thread, not written to disk',
    run: () => repeat(3, async () => generate()),
  },
  {
    name: 'core.help',
    unit: 'ms',
    must: '≤ 80',
    reach: '`assay --help` as a whole process, without npx',
    run: () => repeat(15, help),
  },
]

const NOOPS = 1000

async function noopSteps(folder: string): Promise<readonly Sample[]> {
  await mkdir(join(folder, 'node_modules'))
  await symlink(ROOT, join(folder, 'node_modules/assay'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await writeFile(
    join(folder, 'project.ts'),
    `import { asset, defineProject, typescript } from 'assay'
const assets: Record<string, object> = {}
for (let i = 0; i < ${NOOPS}; i++) {
  const noop = asset(\`noop.n\${i}\`, {})
  noop.from({}, typescript(() => {}))
  assets[\`n\${i}\`] = noop
}
export default defineProject({ name: 'noops', assets })
`,
  )
  const run = (): Promise<Measured> =>
    succeed(measure(process.execPath, [ASSAY, 'materialize', '--force', '--json'], { cwd: folder, env: clean() }))
  await run()
  return repeat(5, async () => {
    const { seconds, memory_mb, stdout } = await run()
    const made = stdout.split('\n').filter((line) => line.includes('"step.succeeded"')).length
    if (made !== NOOPS) throw new Error(`${made} of ${NOOPS} steps succeeded`)
    return { value: (seconds * 1000) / NOOPS, input: { assets: NOOPS }, memory_mb }
  })
}

const start = (folder: string): Promise<Measured> =>
  succeed(
    measure('npm', ['start', '--silent', '--', '--once'], {
      cwd: ROOT,
      env: { ...clean(), ASSAY_HOME: join(folder, 'home'), LAKEHOUSE_LANDING: join(folder, 'landing') },
    }),
  )

const sampleOf = ({ seconds, memory_mb }: Measured): Sample => ({
  value: seconds,
  input: { events: 1_000_000, days: 30, retail_lines: 320_705, assets: 30 },
  memory_mb,
})

function generate(): Sample {
  const settings = clickstreamSettings()
  const source = clickstream(settings)
  const first = Date.parse(`${settings.start}T00:00:00Z`)
  let bytes = 0
  const began = performance.now()
  for (let day = 0; day < settings.days; day++)
    bytes += source.arrivalsOn(new Date(first + day * 86_400_000).toISOString().slice(0, 10)).length
  const seconds = (performance.now() - began) / 1000
  return { value: settings.events / seconds, input: { events: settings.events, days: settings.days }, extra: { bytes } }
}

async function help(): Promise<Sample> {
  const { seconds, memory_mb } = await succeed(measure(process.execPath, [ASSAY, '--help'], { cwd: ROOT, env: clean() }))
  return { value: seconds * 1000, input: {}, memory_mb }
}

/** The environment without settings of a shop that someone has open. */
const clean = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ASSAY_') && !name.startsWith('LAKEHOUSE_')))

async function succeed(running: Promise<Measured>): Promise<Measured> {
  const ended = await running
  if (ended.code !== 0) throw new Error(`exit code ${ended.code}: ${ended.stderr}${ended.stdout.slice(-2000)}`)
  return ended
}
