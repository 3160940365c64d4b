import * as z from 'zod'
import { type IcebergSchema, quoteIdentifier, type Transform } from '../schema/iceberg-type.ts'
import type { TableMetadata } from './metadata.ts'
import { transformSql } from './transforms.ts'

/** By what the rows of a file are sorted. */
export interface SortOrder {
  readonly id: number
  readonly fields: readonly {
    readonly 'source-id': number
    readonly transform: string
    readonly direction: 'asc' | 'desc'
    readonly 'null-order': 'nulls-first' | 'nulls-last'
  }[]
}

const FIELD = z.object({
  'source-id': z.int(),
  transform: z.string(),
  direction: z.enum(['asc', 'desc']),
  'null-order': z.enum(['nulls-first', 'nulls-last']),
})
const ORDERS = z.array(z.object({ 'order-id': z.int(), fields: z.array(FIELD) }))

/** The order that a table asks its files to have; undefined where it asks for none. */
export function sortOrderOf(metadata: TableMetadata): SortOrder | undefined {
  const orders = ORDERS.safeParse(metadata.rest['sort-orders'])
  const wanted = metadata.rest['default-sort-order-id']
  const found = orders.data?.find((order) => order['order-id'] === wanted)
  return found === undefined || found.fields.length === 0 ? undefined : { id: found['order-id'], fields: found.fields }
}

/** The order as what follows ORDER BY. Columns that are gone do not count. */
export function sortSql(schema: IcebergSchema, order: SortOrder): string {
  const keys = order.fields.flatMap((field) => {
    const source = schema.fields.find((one) => one.id === field['source-id'])
    if (source === undefined) return []
    const key = transformSql(field.transform as Transform, quoteIdentifier(source.name), source.type)
    return [`${key} ${field.direction} ${field['null-order'].replace('-', ' ')}`]
  })
  return keys.join(', ') || '1'
}
