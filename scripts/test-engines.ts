/**
 * `npm run test:engines -- [NAME…] [--smoke] [options of vitest]`: installs and starts the engines, then runs their tests. A
 * name is that of an engine, or `iceberg` for all that read Iceberg tables.
 */
import { parseArgs } from 'node:util'
import { run, show } from './process.ts'

const { values, positionals, tokens } = parseArgs({
  options: { smoke: { type: 'boolean' } },
  strict: false,
  allowPositionals: true,
  tokens: true,
})
const forVitest = tokens.flatMap((token) =>
  token.kind === 'option' && token.name !== 'smoke' ? [`--${token.name}=${token.value ?? true}`] : [],
)

/** Suites that need several engines; the second list with --smoke, where a gigabyte of Spark would take too long to install. */
const SUITES: Readonly<Record<string, readonly [readonly string[], readonly string[]]>> = {
  iceberg: [
    ['pyiceberg', 'duckdb-iceberg', 'chdb', 'spark'],
    ['pyiceberg', 'duckdb-iceberg'],
  ],
}
const engines = new Set(positionals.flatMap((name) => SUITES[name]?.[values['smoke'] === true ? 1 : 0] ?? [name]))

await run('node', ['scripts/engines.ts', 'up', ...engines])
const files = positionals.map((name) => `tests/engines/${name}`)
process.exitCode = await show('vitest', ['run', '--project', 'engines', ...forVitest, ...files], {
  env: { ...process.env, ...(values['smoke'] === true ? { ASSAY_SMOKE: '1' } : {}) },
})
