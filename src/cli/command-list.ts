import type { Command } from './context.ts'

export type OptionName =
  | 'project'
  | 'select'
  | 'partition'
  | 'force'
  | 'plan'
  | 'workers'
  | 'profile'
  | 'env'
  | 'limit'
  | 'after'
  | 'at'
  | 'from'
  | 'to'
  | 'yes'
  | 'exit-code'
  | 'up'
  | 'down'
  | 'sql'
  | 'dry-run'
  | 'explain'
  | 'json'
  | 'trace'
  | 'help'
  | 'version'

export interface OptionEntry {
  readonly type: 'string' | 'boolean'
  readonly multiple?: boolean
  /** How its value is called in help. */
  readonly value?: string
  readonly help: string
}

export const OPTIONS: Readonly<Record<OptionName, OptionEntry>> = {
  select: { type: 'string', multiple: true, value: 'ASSETS', help: 'the same as naming them' },
  partition: { type: 'string', value: 'A..B', help: 'only these partitions: a day, or a range with both ends' },
  force: { type: 'boolean', help: 'make also what is fresh' },
  plan: { type: 'string', value: 'ID', help: 'run this plan as it was shown, or nothing' },
  workers: { type: 'string', value: 'N', help: 'worker processes' },
  env: { type: 'string', value: 'NAME', help: 'the environment to work in (main)' },
  profile: { type: 'string', value: 'NAME', help: 'which set of resources is used (local)' },
  limit: { type: 'string', value: 'N', help: 'rows shown (40; with --json all)' },
  after: { type: 'string', value: 'PARTITION', help: 'go on behind this one' },
  at: { type: 'string', multiple: true, value: 'TABLE=VERSION', help: 'read a table as of a snapshot, time, branch or tag' },
  from: { type: 'string', value: 'VERSION', help: 'the earlier version: a snapshot, time, branch or tag' },
  to: { type: 'string', value: 'VERSION', help: 'the later version, or the one to go to' },
  yes: { type: 'boolean', help: 'do it; without it, only show what would change' },
  'exit-code': { type: 'boolean', help: 'exit with 4 when there is something to run' },
  up: { type: 'boolean', help: 'only what it comes from' },
  down: { type: 'boolean', help: 'only what it leads to' },
  sql: { type: 'boolean', help: 'its statement as it would run; with --limit, the rows' },
  'dry-run': { type: 'boolean', help: 'say what would be done, and do nothing' },
  explain: { type: 'boolean', help: 'say which files would be read, and read none' },
  project: { type: 'string', value: 'FILE', help: 'the project file' },
  json: { type: 'boolean', help: 'one JSON object a line' },
  trace: { type: 'boolean', help: 'show the stack of an error' },
  help: { type: 'boolean', help: 'show this' },
  version: { type: 'boolean', help: 'show the version' },
}

export interface CommandEntry {
  readonly name: string
  /** Its arguments, as help shows them. */
  readonly takes: string
  readonly summary: string
  readonly options: readonly OptionName[]
  /** Fewest and most arguments that are no options. */
  readonly words: readonly [min: number, max: number]
  readonly example: string
  readonly load: () => Promise<Command>
  /** It begins with the project as it is: loading that is begun first, in a process of its own. */
  readonly opensProject?: true
}

const ANY = Number.POSITIVE_INFINITY
const EVERYWHERE: readonly OptionName[] = ['json', 'trace', 'help']
const ON_MAIN: readonly OptionName[] = ['profile', 'project', ...EVERYWHERE]
const ON_A_PROJECT: readonly OptionName[] = ['env', ...ON_MAIN]

/** Every command, in the order of help. Each is imported when it is run. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'init',
    takes: '',
    summary: 'write a small project into this folder',
    options: EVERYWHERE,
    words: [0, 0],
    example: 'assay init',
    load: async () => (await import('./commands/init.ts')).init,
  },
  {
    name: 'ls',
    takes: '[assets]',
    summary: 'list assets and their status',
    options: ['select', ...ON_A_PROJECT],
    words: [0, ANY],
    example: 'assay ls gold.*',
    opensProject: true,
    load: async () => (await import('./commands/ls.ts')).ls,
  },
  {
    name: 'show',
    takes: '<asset>',
    summary: 'everything about one asset',
    options: ['sql', 'partition', 'limit', ...ON_A_PROJECT],
    words: [1, 1],
    example: 'assay show silver.orders',
    opensProject: true,
    load: async () => (await import('./commands/show.ts')).show,
  },
  {
    name: 'dev',
    takes: '',
    summary: 'watch the project, tell of changes, run on a key',
    options: ['workers', ...ON_A_PROJECT],
    words: [0, 0],
    example: 'assay dev',
    load: async () => (await import('./commands/dev.ts')).dev,
  },
  {
    name: 'lineage',
    takes: '<asset[.column]>',
    summary: 'what it comes from and leads to, by column',
    options: ['up', 'down', ...ON_A_PROJECT],
    words: [1, 1],
    example: 'assay lineage silver.orders.amount',
    opensProject: true,
    load: async () => (await import('./commands/lineage.ts')).lineage,
  },
  {
    name: 'plan',
    takes: '[assets]',
    summary: 'what would run, and why',
    options: ['select', 'partition', 'force', 'exit-code', ...ON_A_PROJECT],
    words: [0, ANY],
    example: 'assay plan +gold.daily_revenue',
    opensProject: true,
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  {
    name: 'materialize',
    takes: '[assets]',
    summary: 'make what is missing or stale, test it, publish it',
    options: ['select', 'partition', 'force', 'plan', 'workers', ...ON_A_PROJECT],
    words: [0, ANY],
    example: 'assay materialize +gold.revenue --partition 2026-01-05..2026-01-07',
    opensProject: true,
    load: async () => (await import('./commands/materialize.ts')).materialize,
  },
  {
    name: 'observe',
    takes: '[assets]',
    summary: 'ask external assets for their versions',
    options: ['select', 'partition', 'workers', ...ON_A_PROJECT],
    words: [0, ANY],
    example: 'assay observe web.files',
    opensProject: true,
    load: async () => (await import('./commands/observe.ts')).observe,
  },
  {
    name: 'check',
    takes: '[assets]',
    summary: 'run checks on what is published',
    options: ['select', 'partition', ...ON_A_PROJECT],
    words: [0, ANY],
    example: 'assay check silver.*',
    opensProject: true,
    load: async () => (await import('./commands/check.ts')).check,
  },
  {
    name: 'why',
    takes: '<asset> [partition]',
    summary: 'why an asset is fresh, stale or missing',
    options: ON_A_PROJECT,
    words: [1, 2],
    example: 'assay why gold.daily_revenue 2026-01-05',
    opensProject: true,
    load: async () => (await import('./commands/why.ts')).why,
  },
  {
    name: 'partitions',
    takes: '<asset> [add]',
    summary: 'partitions and their status; add or remove some',
    options: ['limit', 'after', ...ON_A_PROJECT],
    words: [1, ANY],
    example: 'assay partitions customers add acme',
    load: async () => (await import('./commands/partitions.ts')).partitions,
  },
  {
    name: 'query',
    takes: '<sql> [sql …]',
    summary: 'SELECT from the tables',
    options: ['limit', 'at', 'explain', ...ON_A_PROJECT],
    words: [1, ANY],
    example: 'assay query "select * from gold.daily_revenue"',
    load: async () => (await import('./commands/query.ts')).query,
  },
  {
    name: 'diff',
    takes: '<asset>',
    summary: 'rows that differ between two versions',
    options: ['from', 'to', 'limit', ...ON_A_PROJECT],
    words: [1, 1],
    example: 'assay diff silver.orders --from 2026-01-31 --to main',
    opensProject: true,
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  {
    name: 'rollback',
    takes: '<asset>',
    summary: 'take a table back to an earlier version',
    options: ['to', 'yes', ...ON_A_PROJECT],
    words: [1, 1],
    example: 'assay rollback silver.orders --to 2026-01-31 --yes',
    opensProject: true,
    load: async () => (await import('./commands/rollback.ts')).rollback,
  },
  {
    name: 'logs',
    takes: '[run] [step]',
    summary: 'runs, the steps of a run, the lines of a step',
    options: ON_A_PROJECT,
    words: [0, 2],
    example: 'assay logs',
    load: async () => (await import('./commands/logs.ts')).logs,
  },
  {
    name: 'retry',
    takes: '[run]',
    summary: 'make what a run did not',
    options: ['workers', ...ON_A_PROJECT],
    words: [0, 1],
    example: 'assay retry',
    opensProject: true,
    load: async () => (await import('./commands/retry.ts')).retry,
  },
  {
    name: 'maintain',
    takes: '[assets]',
    summary: 'compact tables; drop old versions and strays',
    options: ['select', 'dry-run', ...ON_MAIN],
    words: [0, ANY],
    example: 'assay maintain --dry-run',
    load: async () => (await import('./commands/maintain.ts')).maintain,
  },
  {
    name: 'env',
    takes: '<verb> [name]',
    summary: 'try changes beside main: ls create diff promote drop',
    options: ['yes', ...ON_MAIN],
    words: [1, 2],
    example: 'assay env create dev',
    load: async () => (await import('./commands/env.ts')).env,
  },
  {
    name: 'explain',
    takes: '<code>',
    summary: 'what an error code means',
    options: EVERYWHERE,
    words: [1, 1],
    example: 'assay explain ASSAY-5001',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
]

const flag = (name: OptionName): string => `--${name}${OPTIONS[name].value === undefined ? '' : ` ${OPTIONS[name].value}`}`

const pairs = (rows: readonly (readonly [left: string, right: string])[]): string => {
  const left = Math.max(...rows.map(([text]) => text.length))
  return rows.map(([text, words]) => `  ${text.padEnd(left)}  ${words}`).join('\n')
}

/** What `assay --help` prints. */
export const helpText = (): string => `Assay keeps a graph of tables: it makes what is missing or stale, tests it, and
publishes it to Iceberg.

Usage: assay <command> [arguments] [options]

${pairs(COMMANDS.map((entry) => [`${entry.name} ${entry.takes}`.trimEnd(), entry.summary]))}

Assets are named by key: silver.orders, gold.* (all that match), +gold.x (with
all upstream), gold.x+ (with all downstream), 2+gold.x+1 (so many levels); by
group: tag: owner: kind: status: column:, joined by and, or, not and brackets.
Without a name, all are meant.

Every command takes --json, --trace and --help. Exit codes: 0 done, 1 a run or
check failed, 2 usage, 3 the project has errors, 4 plan --exit-code has changes,
130 interrupted.
`

/** What `assay <command> --help` prints. */
export const commandHelp = (entry: CommandEntry): string => `assay ${entry.name}: ${entry.summary}

Usage: assay ${entry.name}${entry.takes === '' ? '' : ` ${entry.takes}`} [options]

${pairs(entry.options.map((name) => [flag(name), OPTIONS[name].help]))}

Example: ${entry.example}
`
