import { COMMANDS, commandHelp, helpText, OPTIONS } from './command-list.ts'
import type { Surroundings } from './context.ts'

/**
 * Runs the command line and resolves to the exit code: 0 ok, 1 a run or check failed, 2 usage, 3 the project has errors,
 * 4 `plan --exit-code` has changes, 130 interrupted. Imports next to nothing by itself, so that help is at once.
 */
export async function main(argv: readonly string[], surroundings?: Surroundings): Promise<number> {
  const at = commandIndex(argv)
  const name = argv[at]
  const entry = COMMANDS.find((command) => command.name === name)
  const stdout = surroundings?.stdout ?? process.stdout
  if (argv.includes('--help') || argv.includes('-h') || argv.length === 0 || name === 'help') {
    if (entry !== undefined || name === undefined || name === 'help') {
      stdout.write(entry === undefined ? helpText() : commandHelp(entry))
      return 0
    }
  }
  if (name === undefined && argv.includes('--version')) {
    stdout.write(`${await version()}\n`)
    return 0
  }
  const { run } = await import('./run.ts')
  return run(name, argv.toSpliced(at, name === undefined ? 0 : 1), surroundings)
}

/** Where the first word stands that is neither an option nor the value of one; past the end where there is none. */
function commandIndex(argv: readonly string[]): number {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? ''
    if (!word.startsWith('-')) return i
    const option = Object.entries(OPTIONS).find(([option]) => word === `--${option}`)
    if (option?.[1].type === 'string') i++
  }
  return argv.length
}

async function version(): Promise<string> {
  const { readFileSync } = await import('node:fs')
  const file: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof file === 'object' && file !== null && 'version' in file ? String(file.version) : ''
}
