import { randomUUID } from 'node:crypto'
import { AssayError } from '../errors.ts'
import type { IcebergSchema } from '../schema/iceberg-type.ts'
import { formatTableId, type TableId } from './catalog.ts'
import type { StagedFiles } from './data-file.ts'
import { FIRST_PARTITION_FIELD, type TableMetadata } from './metadata.ts'

/** The part of a change that concerns the table rather than its rows. */
export interface Adoption {
  readonly id: TableId
  readonly staged: StagedFiles
  /** Table properties to set. */
  readonly properties?: Readonly<Record<string, string>>
  /**
   * The schema that was current when the rows were staged. Where they were staged by that very schema, the table keeps the
   * one it has now; else it takes on that of the rows.
   */
  readonly schemaId?: number
}

const PROPERTIES = { 'write.parquet.compression-codec': 'zstd' }

/** The table with the schema, spec and properties that the change asks for, but without its snapshot. */
export function adopted(base: TableMetadata | undefined, change: Adoption): TableMetadata {
  const { staged, properties = {} } = change
  if (base === undefined) return newTable(staged, { ...PROPERTIES, ...properties })
  const known = base.specs.find((spec) => spec['spec-id'] === staged.spec['spec-id'])
  if (JSON.stringify(known?.fields) !== JSON.stringify(staged.spec.fields)) {
    throw new AssayError(
      'ASSAY-2011',
      `${formatTableId(change.id)} has no partition spec ${staged.spec['spec-id']} such as this step wrote by`,
    )
  }
  const isUnchanged = change.schemaId !== undefined && change.schemaId === staged.schema['schema-id']
  // Others may have evolved the schema since; rows of an earlier one are read by the later one.
  const schema = isUnchanged && base.schemas.some(sameAs(staged.schema)) ? {} : withSchema(base, staged.schema, change.id)
  return { ...base, ...schema, properties: { ...base.properties, ...properties } }
}

function newTable(staged: StagedFiles, properties: Readonly<Record<string, string>>): TableMetadata {
  const { schema, spec, location } = staged
  return {
    formatVersion: 2,
    uuid: randomUUID(),
    location,
    lastSequenceNumber: 0,
    lastUpdated: 0,
    lastColumnId: Math.max(0, ...schema.fields.map((field) => field.id)),
    lastPartitionId: Math.max(FIRST_PARTITION_FIELD - 1, ...spec.fields.map((field) => field['field-id'])),
    schemas: [schema],
    currentSchemaId: schema['schema-id'],
    specs: [spec],
    defaultSpecId: spec['spec-id'],
    properties,
    snapshots: [],
    currentSnapshotId: undefined,
    refs: {},
    snapshotLog: [],
    metadataLog: [],
    rest: { 'sort-orders': [{ 'order-id': 0, fields: [] }], 'default-sort-order-id': 0 },
  }
}

/** Makes the staged schema current: one that the table has had before, or a new one under a free id. */
function withSchema(
  base: TableMetadata,
  schema: IcebergSchema,
  id: TableId,
): Pick<TableMetadata, 'schemas' | 'currentSchemaId' | 'lastColumnId'> {
  const same = base.schemas.find(sameAs(schema))
  if (same !== undefined) return { schemas: base.schemas, currentSchemaId: same['schema-id'], lastColumnId: base.lastColumnId }
  refuseReusedIds(base, schema, id)
  const ids = base.schemas.map((known) => known['schema-id'])
  const free = ids.includes(schema['schema-id']) ? Math.max(...ids) + 1 : schema['schema-id']
  return {
    schemas: [...base.schemas, { ...schema, 'schema-id': free }],
    currentSchemaId: free,
    lastColumnId: Math.max(base.lastColumnId, ...schema.fields.map((field) => field.id)),
  }
}

const sameAs =
  (schema: IcebergSchema) =>
  (known: IcebergSchema): boolean =>
    JSON.stringify(known.fields) === JSON.stringify(schema.fields)

/** Two writers that each added a column since the same schema gave the same id to different columns. */
function refuseReusedIds(base: TableMetadata, schema: IcebergSchema, id: TableId): void {
  const known = base.schemas.flatMap((s) => s.fields)
  for (const field of schema.fields) {
    const sameId = known.filter((other) => other.id === field.id)
    const renumbered = sameId.length === 0 && field.id <= base.lastColumnId
    if (renumbered || (sameId.length > 0 && !sameId.some((other) => other.name === field.name))) {
      throw new AssayError(
        'ASSAY-2006',
        `The schema of ${formatTableId(id)} was changed by another writer: the id of column ${field.name} is taken`,
      )
    }
  }
}
