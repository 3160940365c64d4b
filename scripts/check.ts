/** `npm run check`: format, lint, layers, types, dead code. Runs no tests. Says which gate failed, with what it printed. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { type Ended, capture } from './process.ts'

interface Gate {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
}

const LAYERED = ['src', 'lakehouse', 'examples'].filter((folder) => existsSync(folder))

/** The slow ones first. */
const GATES: readonly Gate[] = [
  { name: 'layers', command: 'depcruise', args: LAYERED },
  { name: 'dead code', command: 'knip', args: ['--no-config-hints'] },
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'lint', command: 'biome', args: ['lint', '--error-on-warnings', '--max-diagnostics=50'] },
  { name: 'format', command: 'biome', args: ['format', '--reporter=summary'] },
]

const waiting = [...GATES]
const failed: string[] = []

await Promise.all(Array.from({ length: Math.min(GATES.length, availableParallelism()) }, work))
console.log(`${GATES.length - failed.length} gates hold, ${failed.length} failed${failed.length === 0 ? '' : `: ${failed.join(', ')}`}`)
process.exitCode = failed.length === 0 ? 0 : 1

async function work(): Promise<void> {
  for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) {
    const began = performance.now()
    report(gate, await capture(gate.command, gate.args), (performance.now() - began) / 1000)
  }
}

function report(gate: Gate, { code, stdout, stderr }: Ended, seconds: number): void {
  if (code !== 0) {
    failed.push(gate.name)
    console.log(`${stdout}${stderr}`.trim())
  }
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${gate.name} (${seconds.toFixed(1)} s)`)
}
