import type { AssetDefinition } from '../assets/define-asset.ts'
import { didYouMean } from '../assets/nearest.ts'
import { REJECT_REASON } from '../assets/spec.ts'
import { HISTORY_COLUMNS, type History, type Merge } from '../assets/write-mode.ts'
import type { ErrorCode } from '../error-catalogue.ts'
import { AssayError } from '../errors.ts'
import { dimensionsOf } from '../partitions/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'

type Fault = readonly [what: string, next: string]

/** What is wrong with how an asset is written, with its sort order, and with options that nothing carries out yet. Places are absolute. */
export function validateWrites(asset: AssetDefinition, columns: readonly ColumnSpec[]): readonly AssayError[] {
  const as =
    (code: ErrorCode, where = asset.where) =>
    ([what, next]: Fault) =>
      new AssayError(code, `${asset.key} ${what}`, { where, next })
  return [
    ...modeFaults(asset, columns).map(as('ASSAY-1042')),
    ...depFaults(asset).map(as('ASSAY-1042', asset.made?.where)),
    ...[...sortFaults(asset, columns), ...versionFaults(asset)].map(as('ASSAY-1011')),
    ...pendingFaults(asset).map(([code, ...fault]) => as(code)(fault)),
  ]
}

function modeFaults(asset: AssetDefinition, columns: readonly ColumnSpec[]): readonly Fault[] {
  const { write, kind, made } = asset
  if (write === 'replace') return []
  const name = nameOf(write)
  if (name === undefined) return [['has a write mode that is none', "Write 'replace', 'append', merge({ … }) or history({ … })."]]
  if (kind !== 'table')
    return [[`has the write mode ${name}, but ${kind === 'marker' ? 'no table' : 'is made by others'}`, 'Take the option write out.']]
  const able = made === undefined || made.compute.writes.includes(name)
  const lacks: readonly Fault[] = able
    ? []
    : [[`is made by ${made.compute.kind}, which cannot ${name}`, `It can ${made.compute.writes.join(', ')}.`]]
  if (write === 'append')
    return dimensionsOf(asset.partitions.spec).length === 0
      ? lacks
      : [...lacks, ['appends, but has partitions, which are overwritten one by one', 'Take the partitions out, or the write mode.']]
  return [...lacks, ...keyFaults(asset, columns), ...flagFaults(write, columns), ...ownFaults(asset, write, columns)]
}

/** A project need not have been type-checked. */
function nameOf(write: unknown): 'append' | 'merge' | 'history' | undefined {
  if (write === 'append') return write
  const kind = typeof write === 'object' && write !== null && 'kind' in write ? write.kind : undefined
  return kind === 'merge' || kind === 'history' ? kind : undefined
}

/** Rows are found by the key, within the partition that is made. */
function keyFaults({ rowKey, schema, partitions }: AssetDefinition, columns: readonly ColumnSpec[]): readonly Fault[] {
  if (rowKey.length === 0) return [['merges rows by its key, but has none', "Name the columns that say which row is which: key: ['id']."]]
  const own = columns.filter(({ name }) => name in schema)
  const key = own.filter(({ name }) => rowKey.includes(name))
  const held = dimensionsOf(partitions.spec).flatMap(({ spec }) =>
    spec.column === undefined || rowKey.includes(spec.column) ? [] : [spec.column],
  )
  return [
    ...rowKey
      .filter((name) => name in HISTORY_COLUMNS && !(name in schema))
      .map((name): Fault => [`has ${name} in its key`, 'Name what stays the same in all versions of a row.']),
    ...key
      .filter(({ nullable }) => nullable)
      .map(
        ({ name }): Fault => [
          `has the nullable column ${name} in its key`,
          'Null equals nothing: take .nullable() off, or the column out of the key.',
        ],
      ),
    ...key
      .filter(({ type }) => typeof type !== 'string')
      .map(({ name }): Fault => [`has the nested column ${name} in its key`, 'Name columns of simple types.']),
    ...held.map(
      (name): Fault => [
        `merges within partitions by ${name}, which is not in its key`,
        `A row could then move to another partition than the one that is made: add ${name} to the key, or take the partitions out.`,
      ],
    ),
  ]
}

function flagFaults({ deleteWhen }: Merge | History, columns: readonly ColumnSpec[]): readonly Fault[] {
  if (deleteWhen === undefined) return []
  if (deleteWhen in HISTORY_COLUMNS || deleteWhen.toLowerCase() === REJECT_REASON)
    return [[`has the delete flag ${deleteWhen}, a name that Assay gives itself`, 'Choose another name.']]
  const stored = columns.find(({ name }) => name.toLowerCase() === deleteWhen.toLowerCase())
  if (stored === undefined || (stored.name === deleteWhen && stored.type === 'boolean')) return []
  return [
    [
      `has the delete flag ${deleteWhen}, which is no boolean column`,
      'Declare it as t.boolean(), or name a column that is not in the schema.',
    ],
  ]
}

function ownFaults({ schema }: AssetDefinition, write: Merge | History, columns: readonly ColumnSpec[]): readonly Fault[] {
  if (write.kind === 'history')
    return Object.keys(schema)
      .filter((name) => name.toLowerCase() in HISTORY_COLUMNS)
      .map((name): Fault => [`declares ${name}, which its history adds by itself`, 'Take the column out of the schema.'])
  const { latestBy } = write
  if (latestBy === undefined) return []
  const column = columns.find(({ name }) => name === latestBy)
  const next = 'Name a column of the schema that can be ordered and is never null.'
  if (column === undefined)
    return [
      [
        `takes the latest row by ${latestBy}, which it does not have`,
        didYouMean(
          latestBy,
          columns.map(({ name }) => name),
        ) ?? next,
      ],
    ]
  return column.nullable || typeof column.type !== 'string'
    ? [[`takes the latest row by ${latestBy}, which is nullable or nested`, next]]
    : []
}

/** What is added must not be added again with each change of what is read. */
function depFaults({ write, made, partitions }: AssetDefinition): readonly Fault[] {
  const deps = Object.entries(made?.deps ?? {})
  const changed = deps.filter(([, dep]) => dep.reads === 'changed')
  if (write === 'append' && deps.length > 0 && changed.length === 0)
    return [['appends, but would read all of its deps each time', `Read what the rows come from as changed(${deps[0]?.[0]}).`]]
  if (changed.length === 0) return []
  const [[name] = ['']] = changed
  if (write === 'replace')
    return [[`reads changed(${name}), but replaces all that it has made before`, 'Take changed() off, or merge or append the rows.']]
  if (partitions.spec.dim === 'none') return []
  return [[`reads changed(${name}), but has partitions, each of which has read something else`, 'Take the partitions out, or changed().']]
}

function sortFaults({ sortBy, kind }: AssetDefinition, columns: readonly ColumnSpec[]): readonly Fault[] {
  if (sortBy.length > 0 && kind !== 'table') return [['has sortBy, but no table', 'Take the option out.']]
  return sortBy.flatMap((name, i): readonly Fault[] => {
    const column = columns.find((one) => one.name === name)
    if (column === undefined)
      return [
        [
          `sorts by ${name}, a column that it does not have`,
          didYouMean(
            name,
            columns.map((one) => one.name),
          ) ?? 'Mend the name.',
        ],
      ]
    if (typeof column.type !== 'string') return [[`sorts by ${name}, which is nested`, 'Name columns of simple types.']]
    return sortBy.indexOf(name) === i ? [] : [[`sorts by ${name} twice`, 'Name it once.']]
  })
}

const versionFaults = ({ codeVersion }: AssetDefinition): readonly Fault[] =>
  codeVersion === undefined || (typeof codeVersion === 'string' && codeVersion.trim() !== '')
    ? []
    : [['has a codeVersion that is no text, or an empty one', "Write a text, such as codeVersion: '2', or take the option out."]]

type PendingFault = readonly [code: 'ASSAY-1011' | 'ASSAY-1041', ...fault: Fault]

/** A wrong value is told as such, so that the option is right when it is carried out. */
function pendingFaults({ pending: { pool, freshness } }: AssetDefinition): readonly PendingFault[] {
  const isPool = typeof pool === 'string' && pool.trim() !== ''
  const age = typeof freshness === 'object' && freshness !== null && 'maxAge' in freshness ? freshness.maxAge : undefined
  const isPromise = typeof age === 'number' && Number.isFinite(age) && age > 0
  const fault = (name: string, isGood: boolean, is: string): PendingFault =>
    isGood
      ? ['ASSAY-1041', `has the option ${name}, which nothing carries out yet`, 'Take the option out.']
      : ['ASSAY-1011', `has a ${name} that is none`, `It is ${is}.`]
  return [
    ...(pool === undefined ? [] : [fault('pool', isPool, 'the name of a pool')]),
    ...(freshness === undefined ? [] : [fault('freshness', isPromise, '{ maxAge } in milliseconds, above 0')]),
  ]
}
