import type { AssetSpec } from '../assets/spec.ts'
import { AssayError } from '../errors.ts'
import { evolveSchema } from '../iceberg/evolve.ts'
import { schemaOf, type TableMetadata } from '../iceberg/metadata.ts'
import type { ColumnSpec } from '../schema/column.ts'
import { type NestedField, typeName } from '../schema/iceberg-type.ts'

/** What becomes of one column of a table that is there. */
export type ColumnChange = { readonly column: string } & (
  | { readonly kind: 'added' | 'dropped' | 'nullable' }
  | { readonly kind: 'renamed'; readonly from: string }
  /** `widened`: holds all that it held. `altered`: a nested type whose inner columns change. */
  | { readonly kind: 'widened' | 'altered'; readonly from: string; readonly to: string }
  /** The table cannot follow: the step will fail, with these words. */
  | { readonly kind: 'refused'; readonly why: string }
)

/** Whether readers, in this project or outside, may have to change. `refused`: nothing changes, since it does not happen. */
export const isBreaking = ({ kind }: ColumnChange): boolean => kind !== 'added' && kind !== 'widened'

/** Why no history can be made of a table: its rows were written in another way. Undefined where they were not. */
export function timelessRows({ key, write, where }: AssetSpec, metadata: TableMetadata): AssayError | undefined {
  if (write?.kind !== 'history' || schemaOf(metadata).fields.some(({ name }) => name === 'valid_from')) return undefined
  return new AssayError('ASSAY-2007', `the rows of ${key} were not written as a history, so nobody knows since when they hold`, {
    where,
    next: `Give the history a key of its own, such as ${key}_history, and run \`assay materialize ${key}_history\`: its table begins with all that is read, and that of ${key} stays as it is.`,
  })
}

/** How a table will follow the columns that its asset declares, in their order; columns that go last. */
export function columnChanges(spec: AssetSpec, metadata: TableMetadata): readonly ColumnChange[] {
  const timeless = timelessRows(spec, metadata)
  if (timeless !== undefined) return [{ column: 'valid_from', kind: 'refused', why: `${timeless.message}. ${timeless.next}` }]
  const { fields } = schemaOf(metadata)
  const names = new Set(spec.columns.map(({ name }) => name))
  const named = (name: string | undefined): NestedField | undefined => fields.find((field) => field.name === name)
  const formerOf = ({ name, renamedFrom = '' }: ColumnSpec): NestedField | undefined =>
    named(name) ?? (names.has(renamedFrom) ? undefined : named(renamedFrom))
  const kept = new Set(spec.columns.flatMap((column) => formerOf(column) ?? []))
  return [
    ...spec.columns.flatMap((column) => changesOf(spec, metadata, { column, former: formerOf(column) })),
    ...fields.filter((field) => !kept.has(field)).map((former) => droppedOf(spec, metadata, former)),
  ]
}

interface Pair {
  readonly column: ColumnSpec
  readonly former: NestedField | undefined
}

function changesOf({ key }: AssetSpec, metadata: TableMetadata, { column, former }: Pair): readonly ColumnChange[] {
  const { name } = column
  try {
    const current = { schema: { ...schemaOf(metadata), fields: former === undefined ? [] : [former] }, lastColumnId: metadata.lastColumnId }
    const [after] = evolveSchema(current, [column], key).schema.fields
    if (former === undefined || after === undefined) return [{ column: name, kind: 'added' }]
    const isOther = JSON.stringify(former.type) !== JSON.stringify(after.type)
    const kind = typeof former.type === 'string' ? 'widened' : 'altered'
    return [
      ...(former.name === name ? [] : [{ column: name, kind: 'renamed' as const, from: former.name }]),
      ...(isOther ? [{ column: name, kind, from: typeName(former.type), to: typeName(after.type) } as const] : []),
      ...(former.required && !after.required ? [{ column: name, kind: 'nullable' as const }] : []),
    ]
  } catch (error) {
    return [refused(name, error)]
  }
}

function droppedOf({ key }: AssetSpec, metadata: TableMetadata, former: NestedField): ColumnChange {
  const { lastColumnId, specs } = metadata
  try {
    evolveSchema({ schema: { ...schemaOf(metadata), fields: [former] }, lastColumnId, specs }, [], key)
    return { column: former.name, kind: 'dropped' }
  } catch (error) {
    return refused(former.name, error)
  }
}

function refused(column: string, error: unknown): ColumnChange {
  if (!(error instanceof AssayError)) throw error
  return { column, kind: 'refused', why: error.message }
}
