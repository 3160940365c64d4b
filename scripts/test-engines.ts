/** `npm run test:engines -- [NAME…] [--smoke] [options of vitest]`: installs and starts the engines, then runs their tests. */
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

await run('node', ['scripts/engines.ts', 'up', ...positionals])
const files = positionals.map((name) => `tests/engines/${name}`)
process.exitCode = await show('vitest', ['run', '--project', 'engines', ...forVitest, ...files], {
  env: { ...process.env, ...(values['smoke'] === true ? { ASSAY_SMOKE: '1' } : {}) },
})
