import { schemaOf } from '../../../src/iceberg/metadata.ts'
import { snapshotAt } from '../../../src/iceberg/snapshot-at.ts'
import { type Read, rowsOf, sorted, type Table } from './case.ts'
import type { ReadRequest } from './engines.ts'
import type { Lake, LakeTable } from './lake.ts'

/** A read as a request to an engine, and what it is to give. */
export async function lookUp(
  lake: Lake,
  table: LakeTable,
  read: Read,
): Promise<{ readonly request: ReadRequest; readonly expected: Table }> {
  const { metadata, metadataLocation } = await table.load()
  const snapshot = read.ref === undefined ? undefined : snapshotAt(metadata, { ref: read.ref })
  const { fields } = schemaOf(metadata, snapshot)
  const columns = read.columns ?? fields.map((field) => field.name)
  const { rows } = typeof read.rows === 'string' ? await rowsOf(lake.session, read.rows, fields) : { rows: read.rows }
  const request = {
    table: `matrix.${table.id.name}`,
    metadata: metadataLocation,
    ref: read.ref,
    snapshot: snapshot?.id,
    where: read.where,
    fields,
  }
  return { request, expected: sorted({ columns, rows }) }
}
