import { parseArgs } from 'node:util'
import { didYouMean } from '../assets/nearest.ts'
import { AssayError } from '../errors.ts'
import { COMMANDS, type CommandEntry, OPTIONS, type OptionName } from './command-list.ts'
import type { Options } from './context.ts'

export interface Invocation {
  readonly entry: CommandEntry
  readonly options: Options
  readonly words: readonly string[]
}

type Values = Readonly<Record<string, string | boolean | readonly (string | boolean)[] | undefined>>

/**
 * The command and its options from the command line.
 * @throws ASSAY-4001 for an unknown command, ASSAY-4002 for an unknown option or a wrong argument, with the nearest names
 */
export function parseArguments(entry: CommandEntry, argv: readonly string[]): Invocation {
  const { values, positionals } = strictly(entry, argv)
  const [min, max] = entry.words
  if (positionals.length < min || positionals.length > max) {
    const what = positionals.length < min ? `needs ${entry.takes}` : `takes ${entry.takes || 'no arguments'}, not '${positionals[max]}'`
    throw new AssayError('ASSAY-4002', `assay ${entry.name} ${what}`, { next: `For example: ${entry.example}` })
  }
  return { entry, options: optionsOf(values), words: positionals }
}

function strictly(entry: CommandEntry, argv: readonly string[]): { readonly values: Values; readonly positionals: readonly string[] } {
  const options = Object.fromEntries(
    entry.options.map((name) => [name, { type: OPTIONS[name].type, multiple: OPTIONS[name].multiple ?? false }]),
  )
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true })
  } catch (error) {
    throw misunderstood(entry, error)
  }
}

function misunderstood(entry: CommandEntry, error: unknown): AssayError {
  const text = error instanceof Error ? error.message : String(error)
  const unknown = /^Unknown option '([^']*)'/.exec(text)?.[1]
  if (unknown === undefined)
    return new AssayError('ASSAY-4002', text.split('\n')[0]?.split('. ')[0] ?? text, {
      next: `See \`assay ${entry.name} --help\`.`,
      cause: error,
    })
  const hint = didYouMean(
    unknown,
    entry.options.map((name) => `--${name}`),
  )
  const next = hint ?? `See \`assay ${entry.name} --help\`.`
  return new AssayError('ASSAY-4002', `assay ${entry.name} has no option ${unknown}`, { next, cause: error })
}

/** @throws ASSAY-4001 */
export function findCommand(name: string): CommandEntry {
  const entry = COMMANDS.find((command) => command.name === name)
  if (entry !== undefined) return entry
  const hint = didYouMean(
    name,
    COMMANDS.map((command) => command.name),
  )
  throw new AssayError('ASSAY-4001', `there is no command '${name}'`, hint === undefined ? {} : { next: hint })
}

function optionsOf(values: Values): Options {
  const text = (name: OptionName): string | undefined => (typeof values[name] === 'string' ? values[name] : undefined)
  const texts = (name: OptionName): readonly string[] => {
    const value = values[name]
    return Array.isArray(value) ? value.map(String) : []
  }
  const project = text('project')
  const partition = text('partition')
  const profile = text('profile')
  const environment = text('env')
  const plan = text('plan')
  const workers = wholeNumber('workers', text('workers'), 64)
  const from = text('from')
  const to = text('to')
  const after = text('after')
  const limit = wholeNumber('limit', text('limit'), Number.MAX_SAFE_INTEGER)
  return {
    ...(project === undefined ? {} : { project }),
    ...(partition === undefined ? {} : { partition }),
    ...(workers === undefined ? {} : { workers }),
    ...(profile === undefined ? {} : { profile }),
    ...(environment === undefined ? {} : { environment }),
    ...(plan === undefined ? {} : { plan }),
    ...(limit === undefined ? {} : { limit }),
    ...(after === undefined ? {} : { after }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    select: texts('select'),
    at: texts('at'),
    force: values['force'] === true,
    yes: values['yes'] === true,
    exitCode: values['exit-code'] === true,
    up: values['up'] === true,
    down: values['down'] === true,
    sql: values['sql'] === true,
    dryRun: values['dry-run'] === true,
    explain: values['explain'] === true,
    json: values['json'] === true,
    trace: values['trace'] === true,
  }
}

function wholeNumber(name: OptionName, text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined
  const n = Number(text)
  if (Number.isInteger(n) && n >= 1 && n <= max) return n
  throw new AssayError('ASSAY-4002', `--${name} is '${text}', and must be a whole number from 1${max <= 64 ? ` to ${max}` : ''}`)
}
