/** `npm run bench -- GROUP [NAME…]` measures what `bench/GROUP.ts` lists and prints one JSON object a line; `--list` says what there is. */
import { readdirSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import type { Benchmark, Sample } from './benchmark.ts'

const HARNESS = new Set(['benchmark.ts', 'run.ts'])
const MIN_RUNS = 3

const GROUPS = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.ts') && !HARNESS.has(file))
  .map((file) => file.slice(0, -'.ts'.length))

process.exitCode = await main(process.argv.slice(2))

async function main([group, ...names]: readonly string[]): Promise<number> {
  if (group === '--list') {
    for (const each of GROUPS)
      for (const { name, unit, must, reach } of await load(each)) console.log(`${each} ${name} (${unit}; must be ${must}): ${reach}`)
    return 0
  }
  if (group === undefined || !GROUPS.includes(group)) {
    console.error(`usage: npm run bench -- GROUP [NAME…] | --list\ngroups: ${GROUPS.join(', ')}`)
    return 2
  }
  const benchmarks = await load(group)
  const unknown = names.find((name) => !benchmarks.some((benchmark) => benchmark.name === name))
  if (unknown !== undefined) {
    console.error(`${group} has no benchmark ${unknown}; it has ${benchmarks.map(({ name }) => name).join(', ')}`)
    return 2
  }
  for (const benchmark of benchmarks)
    if (names.length === 0 || names.includes(benchmark.name)) console.log(JSON.stringify(await resultOf(benchmark)))
  return 0
}

async function load(group: string): Promise<readonly Benchmark[]> {
  const { benchmarks } = (await import(`./${group}.ts`)) as { readonly benchmarks: readonly Benchmark[] }
  return benchmarks
}

async function resultOf({ name, unit, run }: Benchmark): Promise<object> {
  const samples = await run()
  const first = samples[0]
  if (first === undefined || samples.length < MIN_RUNS) throw new Error(`${name} ran ${samples.length} times; a median needs ${MIN_RUNS}`)
  const values = samples.map(({ value }) => value)
  return {
    name,
    value: median(values),
    unit,
    input: first.input,
    runs: samples.length,
    spread: [Math.min(...values), Math.max(...values)],
    machine: machine(),
    ...memoryOf(samples),
    ...middle(samples).extra,
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? upper)) / 2
}

/** The run at the median, whose extra facts belong to the value that is shown. */
function middle(samples: readonly Sample[]): Partial<Sample> {
  return [...samples].sort((a, b) => a.value - b.value)[(samples.length - 1) >> 1] ?? {}
}

function memoryOf(samples: readonly Sample[]): { readonly memory_mb?: number } {
  const peaks = samples.flatMap(({ memory_mb }) => (memory_mb === undefined ? [] : [memory_mb]))
  return peaks.length === 0 ? {} : { memory_mb: Math.round(Math.max(...peaks)) }
}

function machine(): object {
  const cores = cpus()
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown',
    cores: cores.length,
    memory_gb: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}
