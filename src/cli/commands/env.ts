import { environmentNames, type Settings } from '../../config.ts'
import { AssayError } from '../../errors.ts'
import { formatTableId } from '../../iceberg/catalog.ts'
import { createEnvironment, dropEnvironment, type EnvironmentTable, environmentTables, promote } from '../../runs/promote.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { openProject } from '../open-project.ts'
import { settingsOf } from '../settings.ts'
import { type TableCell, type TableColumn, table } from '../render/table.ts'
import { counted, number, wrap } from '../render/words.ts'

type Verb = (context: CommandContext, settings: Settings, name: string) => Promise<number>

/** `assay env <verb> [name]`: environments, in which runs write tables of their own over the files of `main`. */
export const env: Command = async (context) => {
  const [word = '', name] = context.words
  const settings = settingsOf(context)
  if (settings.environment !== undefined)
    throw new AssayError('ASSAY-4010', 'environments are made and promoted from outside of them', { next: 'Unset ASSAY_ENV.' })
  if (word === 'ls') return list(context, settings)
  const verb = VERBS[word]
  if (verb === undefined) throw new AssayError('ASSAY-4002', `assay env knows create, diff, promote, drop and ls, not '${word}'`)
  if (name === undefined)
    throw new AssayError('ASSAY-4002', `assay env ${word} needs a name`, { next: `For example: assay env ${word} dev` })
  if (word !== 'create') refuseUnknown(settings, name)
  return verb(context, settings, name)
}

function refuseUnknown({ home }: Settings, name: string): void {
  if (environmentNames(home).includes(name)) return
  throw new AssayError('ASSAY-4009', `there is no environment '${name}'`, { next: `Make it with \`assay env create ${name}\`.` })
}

async function list(context: CommandContext, { home }: Settings): Promise<number> {
  const names = environmentNames(home)
  for (const name of names) {
    if (context.options.json) emit(context, 'environment', { name })
    else context.terminal.line(name)
  }
  if (names.length === 0 && !context.options.json) context.terminal.line('no environments; make one with: assay env create dev')
  return 0
}

const VERBS: Readonly<Record<string, Verb>> = {
  create: async (context, settings, name) => {
    await createEnvironment(settings, name, context.surroundings.clock)
    if (context.options.json) emit(context, 'environment', { name })
    else say(context, `${name} stands on main, with no tables of its own; try a change with: assay materialize --env ${name}`)
    return 0
  },
  diff: async (context, settings, name) => {
    show(context, name, await environmentTables(settings, name))
    return 0
  },
  promote: async (context, settings, name) => {
    if (!context.options.yes) return announce(context, settings, name, 'promote')
    const { loaded } = await openProject(context)
    const moved = await promote({ settings, loaded, name, clock: context.surroundings.clock })
    if (context.options.json) for (const one of moved) emit(context, 'promoted', jsonOf(one))
    else
      say(
        context,
        moved.length === 0 ? `${name} has no tables of its own` : `${counted(moved.length, 'table')} of ${name} promoted to main`,
      )
    return 0
  },
  drop: async (context, settings, name) => {
    if (!context.options.yes) return announce(context, settings, name, 'drop')
    const dropped = await dropEnvironment({ settings, name, clock: context.surroundings.clock })
    if (context.options.json) emit(context, 'dropped', { name, tables: dropped.map(({ own }) => formatTableId(own)) })
    else say(context, `${name} is gone${dropped.length === 0 ? '' : `, with ${counted(dropped.length, 'table')} of its own`}`)
    return 0
  },
}

async function announce(context: CommandContext, settings: Settings, name: string, verb: 'promote' | 'drop'): Promise<number> {
  show(context, name, await environmentTables(settings, name))
  if (!context.options.json) say(context, `nothing was changed; do it with: assay env ${verb} ${name} --yes`)
  return 0
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'table', min: 14 },
  { title: 'is', min: 8 },
  { title: 'commits', align: 'right', drop: 2 },
  { title: 'rows', align: 'right', drop: 3 },
  { title: 'in main', align: 'right', drop: 1 },
  { title: 'columns', min: 8, drop: 4 },
]

const STATES: Readonly<Record<EnvironmentTable['state'], TableCell>> = {
  new: ['new', 'green'],
  ahead: 'ahead of main',
  moved: ['behind: main changed', 'red'],
}

function show(context: CommandContext, name: string, tables: readonly EnvironmentTable[]): void {
  const { terminal, options } = context
  if (options.json) {
    for (const one of tables) emit(context, 'environment table', jsonOf(one))
    return
  }
  if (tables.length === 0) return say(context, `${name} has no tables of its own: all are those of main`)
  const rows = tables.map((one) => [
    formatTableId(one.id),
    STATES[one.state],
    number(one.commits),
    number(one.rows.own),
    one.state === 'new' ? '' : number(one.rows.main),
    columnWords(one.columns),
  ])
  for (const line of table(terminal, COLUMNS, rows)) terminal.line(line)
  terminal.line()
}

const columnWords = ({ added, removed }: EnvironmentTable['columns']): string =>
  [...added.map((name) => `+${name}`), ...removed.map((name) => `-${name}`)].join(' ')

const jsonOf = ({ id, own, ...rest }: EnvironmentTable): object => ({ table: formatTableId(id), own: formatTableId(own), ...rest })

const say = ({ terminal }: CommandContext, words: string): void => {
  for (const line of wrap(words, terminal.columns())) terminal.line(line)
}
