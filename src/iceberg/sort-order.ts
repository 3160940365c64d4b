import * as z from 'zod'
import { AssayError } from '../errors.ts'
import { type IcebergSchema, quoteIdentifier, type SortField, type SortOrder, type Transform } from '../schema/iceberg-type.ts'
import type { TableMetadata } from './metadata.ts'
import { transformSql } from './transforms.ts'

/** A column to sort by, as it is declared. */
export interface SortBy {
  readonly column: string
  readonly direction: SortField['direction']
  readonly nulls: 'first' | 'last'
}

/** Columns by their values, the least first and nulls last. */
export const ascending = (columns: readonly string[]): readonly SortBy[] =>
  columns.map((column) => ({ column, direction: 'asc', nulls: 'last' }))

const FIELD = z.object({
  'source-id': z.int(),
  transform: z.string(),
  direction: z.enum(['asc', 'desc']),
  'null-order': z.enum(['nulls-first', 'nulls-last']),
})
const ORDERS = z.array(z.looseObject({ 'order-id': z.int(), fields: z.array(FIELD) }))

const ordersOf = (metadata: TableMetadata | undefined): z.infer<typeof ORDERS> => ORDERS.safeParse(metadata?.rest['sort-orders']).data ?? []

/**
 * The sort order of these columns: one that the table has, or a new one. Without columns it is 0, Iceberg's word for unsorted.
 * @throws ASSAY-1011 when a column is missing or nested
 */
export function sortOrder(schema: IcebergSchema, by: readonly SortBy[], existing?: TableMetadata): SortOrder {
  const fields = by.map(({ column, direction, nulls }): SortField => {
    const source = schema.fields.find((field) => field.name === column)
    if (source === undefined || typeof source.type !== 'string')
      throw new AssayError('ASSAY-1011', `The sort column ${column} is not a column of the table, or is nested`)
    return { 'source-id': source.id, transform: 'identity', direction, 'null-order': `nulls-${nulls}` }
  })
  if (fields.length === 0) return { id: 0, fields }
  const known = ordersOf(existing)
  const same = known.find((order) => order.fields.length === fields.length && order.fields.every((field, i) => sameField(field, fields[i])))
  return { id: same?.['order-id'] ?? Math.max(0, ...known.map((order) => order['order-id'])) + 1, fields }
}

const sameField = (a: SortField, b: SortField | undefined): boolean =>
  a['source-id'] === b?.['source-id'] && a.transform === b.transform && a.direction === b.direction && a['null-order'] === b['null-order']

/** What metadata keeps uninterpreted, with an order made the default. */
export function withSortOrder(metadata: TableMetadata, order: SortOrder): TableMetadata['rest'] {
  const known = ordersOf(metadata)
  const listed = known.some(({ 'order-id': id }) => id === order.id) ? known : [...known, { 'order-id': order.id, fields: order.fields }]
  return { ...metadata.rest, 'sort-orders': listed, 'default-sort-order-id': order.id }
}

/** The order that a table asks its files to have; undefined where it asks for none. */
export function sortOrderOf(metadata: TableMetadata): SortOrder | undefined {
  const wanted = metadata.rest['default-sort-order-id']
  const found = ordersOf(metadata).find((order) => order['order-id'] === wanted)
  return found === undefined || found.fields.length === 0 ? undefined : { id: found['order-id'], fields: found.fields }
}

/** The order as what follows ORDER BY; empty for none. Columns that are gone do not count. */
export function sortSql(schema: IcebergSchema, order: SortOrder): string {
  const keys = order.fields.flatMap((field) => {
    const source = schema.fields.find((one) => one.id === field['source-id'])
    if (source === undefined) return []
    const column = quoteIdentifier(source.name)
    const key = field.transform === 'identity' ? column : transformSql(field.transform as Transform, column, source.type)
    return [`${key} ${field.direction} ${field['null-order'].replace('-', ' ')}`]
  })
  return keys.join(', ')
}
