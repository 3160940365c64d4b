import { fold } from './lineage-ast.ts'
import { derived, NONE, type Sources, UnknownLineage, unite } from './lineage-sources.ts'

/** A column of a relation; without a name where DuckDB makes one up. */
export interface RelationColumn {
  readonly name: string | undefined
  readonly sources: Sources
}

/** What a query or a table gives. */
export interface Relation {
  readonly columns: readonly RelationColumn[]
  /** What decides which rows there are. */
  readonly rows: Sources
  /** What the rows are sorted by, which matters to LIMIT and to aggregates that see an order. */
  readonly order: Sources
  /** It has columns beside, whose names are not known; they all come from this. */
  readonly open?: Sources
}

/** A relation under a name. */
export interface Binding {
  readonly alias: string
  readonly columns: readonly RelationColumn[]
  readonly open?: Sources | undefined
}

/** What FROM gives. */
export interface From {
  readonly bindings: readonly Binding[]
  /** Columns of USING and NATURAL, by folded name: one column for both sides. */
  readonly merged: ReadonlyMap<string, Sources>
  readonly rows: Sources
  readonly order: Sources
}

export const EMPTY_FROM: From = { bindings: [], merged: new Map(), rows: NONE, order: NONE }

/** Where names are looked up: in FROM, among the aliases of the select list, then in the query around. */
export interface Scope {
  readonly from: From
  /** By folded name. */
  readonly aliases: ReadonlyMap<string, Sources>
  /** DuckDB looks at one of the two first, and which one differs from clause to clause; then both count. */
  readonly aliasesToo: boolean
  readonly ctes: ReadonlyMap<string, Relation>
  readonly outer: Scope | undefined
  /** Parameters of lambdas around, folded: an element of a list that is counted already. */
  readonly parameters: ReadonlySet<string>
}

/** Words without brackets that DuckDB takes for functions when no column has the name. */
const VALUE_WORDS = new Set([
  'current_date',
  'current_time',
  'current_timestamp',
  'localtime',
  'localtimestamp',
  'current_user',
  'current_role',
  'current_catalog',
  'current_schema',
  'session_user',
  'user',
])

/**
 * What a name stands for: `column`, `table.column`, either with fields of a struct behind, or a table as one value.
 * @throws UnknownLineage when it leads nowhere
 */
export function resolveName(parts: readonly string[], scope: Scope): Sources {
  let found: Sources | undefined
  for (let at: Scope | undefined = scope; at !== undefined; at = at.outer) {
    const match = inScope(parts, at)
    if (match.possible !== undefined) found = unite(found ?? NONE, match.possible)
    if (match.certain !== undefined) return unite(found ?? NONE, match.certain)
  }
  const [first = ''] = parts
  if (found !== undefined) return found
  if (scope.parameters.has(fold(first)) || (parts.length === 1 && VALUE_WORDS.has(fold(first)))) return NONE
  throw new UnknownLineage(`where ${parts.join('.')} comes from is not known`)
}

/** What a name stands for, and what it may stand for where not all names are known. */
interface Match {
  readonly certain?: Sources | undefined
  readonly possible?: Sources | undefined
}

function inScope(parts: readonly string[], scope: Scope): Match {
  const [first = '', second, ...fields] = parts
  const { certain, possible } = byName(first, scope)
  if (second === undefined) return { certain, possible }
  const bindings = scope.from.bindings.filter((binding) => fold(binding.alias) === fold(first))
  const column = all(bindings.flatMap((binding) => namedIn(binding, second)))
  if (column !== undefined) return { certain: fields.length === 0 ? column : derived(column) }
  const maybe = all([...bindings.flatMap(namelessIn), possible, certain].filter((sources) => sources !== undefined))
  return { certain: certain && maybe && derived(maybe), possible: maybe && derived(maybe) }
}

function byName(name: string, scope: Scope): Match {
  const { from, aliases, aliasesToo } = scope
  const column = columnIn(from, name)
  const alias = aliases.get(fold(name))
  if (column !== undefined) return { certain: aliasesToo && alias !== undefined ? unite(column, alias) : column }
  const possible = all(from.bindings.flatMap(namelessIn))
  if (alias !== undefined) return { certain: alias, possible }
  const rows = from.bindings.filter((binding) => fold(binding.alias) === fold(name))
  return { certain: rows.length === 0 ? undefined : derived(unite(...rows.map(wholeRow))), possible }
}

/** The column of FROM that a bare name means; undefined when no column is known to have it. */
export const columnIn = ({ bindings, merged }: From, name: string): Sources | undefined =>
  merged.get(fold(name)) ?? all(bindings.flatMap((binding) => namedIn(binding, name)))

const all = (sets: readonly Sources[]): Sources | undefined => (sets.length === 0 ? undefined : unite(...sets))

const namedIn = (binding: Binding, name: string): readonly Sources[] =>
  binding.columns.flatMap((column) => (column.name !== undefined && fold(column.name) === fold(name) ? [column.sources] : []))

/** Columns whose names are not known. */
const namelessIn = ({ columns, open }: Binding): readonly Sources[] => [
  ...columns.flatMap((column) => (column.name === undefined ? [column.sources] : [])),
  ...(open === undefined ? [] : [open]),
]

const wholeRow = (binding: Binding): Sources => unite(...binding.columns.map((column) => column.sources), binding.open ?? NONE)

/** The columns of `*`, or of `alias.*`. @throws UnknownLineage when not all of them are known */
export function starColumns({ bindings, merged }: From, alias: string): readonly RelationColumn[] {
  const chosen = alias === '' ? bindings : bindings.filter((binding) => fold(binding.alias) === fold(alias))
  if (chosen.length === 0 || chosen.some((binding) => binding.open !== undefined))
    throw new UnknownLineage('which columns * stands for is not known')
  const columns = chosen.flatMap((binding) => binding.columns)
  if (alias !== '') return columns
  const seen = new Set<string>()
  return columns.flatMap((column): readonly RelationColumn[] => {
    const one = column.name === undefined ? undefined : merged.get(fold(column.name))
    if (column.name === undefined || one === undefined) return [column]
    if (seen.has(fold(column.name))) return []
    seen.add(fold(column.name))
    return [{ name: column.name, sources: one }]
  })
}

/** A relation under a name, some of its columns renamed. Of columns with the same name DuckDB renames all but the first. */
export function bindingOf(alias: string, { columns, open }: Relation, names: readonly string[]): Binding {
  const seen = new Set<string>()
  const renamed = columns.map(({ name, sources }, i): RelationColumn => {
    const wanted = names[i] ?? name
    const taken = wanted !== undefined && seen.has(fold(wanted))
    if (wanted !== undefined) seen.add(fold(wanted))
    return { name: taken ? undefined : wanted, sources }
  })
  const beyond = open === undefined ? [] : names.slice(columns.length).map((name) => ({ name, sources: open }))
  return { alias, columns: [...renamed, ...beyond], open }
}
