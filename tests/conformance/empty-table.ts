import { parseMetadata, serialiseMetadata } from '../../src/iceberg/metadata.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'

const store = localStore()
const EMPTY = serialiseMetadata(
  parseMetadata(
    JSON.stringify({
      'format-version': 2,
      'table-uuid': 'u',
      location: '/t',
      'last-sequence-number': 0,
      'last-updated-ms': 1,
      'last-column-id': 1,
      'current-schema-id': 0,
      schemas: [{ type: 'struct', 'schema-id': 0, fields: [] }],
      'default-spec-id': 0,
      'partition-specs': [{ 'spec-id': 0, fields: [] }],
      'last-partition-id': 999,
      'default-sort-order-id': 0,
      'sort-orders': [{ 'order-id': 0, fields: [] }],
    }),
    'empty',
  ),
)

let files = 0
/** Writes metadata of a table without snapshots below a folder, and gives its location. */
export async function writeMetadata(root: string): Promise<string> {
  const path = `${root}/metadata/${String(files++).padStart(5, '0')}-x.metadata.json`
  await store.write(path, new TextEncoder().encode(EMPTY))
  return path
}
