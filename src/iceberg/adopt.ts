import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { AssayError } from '../errors.ts'
import { allFields, type IcebergSchema, type PartitionSpec } from '../schema/iceberg-type.ts'
import { formatTableId, type TableId } from './catalog.ts'
import type { StagedFiles } from './data-file.ts'
import { FIRST_PARTITION_FIELD, type TableMetadata } from './metadata.ts'
import { withSortOrder } from './sort-order.ts'

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
  if (base === undefined) return sorted(newTable(staged, { ...PROPERTIES, ...properties }), staged)
  const known = base.specs.find((spec) => spec['spec-id'] === staged.spec['spec-id'])
  if (known !== undefined && !isAlike(known.fields, staged.spec.fields)) {
    throw new AssayError(
      'ASSAY-2011',
      `${formatTableId(change.id)} was given another partition spec ${staged.spec['spec-id']} than this step wrote by`,
    )
  }
  const specs = known === undefined ? withSpec(base, staged.spec) : {}
  const isUnchanged = change.schemaId !== undefined && change.schemaId === staged.schema['schema-id']
  // Others may have evolved the schema since; rows of an earlier one are read by the later one.
  const schema = isUnchanged && base.schemas.some(sameAs(staged.schema)) ? {} : withSchema(base, staged, change.id)
  const wider = isWidened(base.schemas, staged.schema) ? BY_ROWS : {}
  return sorted({ ...base, ...schema, ...specs, properties: { ...wider, ...base.properties, ...properties } }, staged)
}

/**
 * Files say of an int column that it has 32 bits. Where the column has become long since, Iceberg's Java reader fails on
 * them (1.11: ClassCastException) unless it reads by rows.
 */
const BY_ROWS = { 'read.parquet.vectorization.enabled': 'false' }

const isWidened = (known: readonly IcebergSchema[], { fields }: IcebergSchema): boolean => {
  const wide = new Set(fields.filter((field) => field.type === 'long').map((field) => field.id))
  return known.some((schema) => schema.fields.some((field) => field.type === 'int' && wide.has(field.id)))
}

const sorted = (table: TableMetadata, { sortOrder }: StagedFiles): TableMetadata =>
  sortOrder === undefined ? table : { ...table, rest: withSortOrder(table, sortOrder) }

/** A new spec becomes the one that other writers write by. */
const withSpec = (base: TableMetadata, spec: PartitionSpec): Pick<TableMetadata, 'specs' | 'defaultSpecId' | 'lastPartitionId'> => ({
  specs: [...base.specs, spec],
  defaultSpecId: spec['spec-id'],
  lastPartitionId: Math.max(base.lastPartitionId, ...spec.fields.map((field) => field['field-id'])),
})

function newTable(staged: StagedFiles, properties: Readonly<Record<string, string>>): TableMetadata {
  const { schema, spec, location } = staged
  return {
    formatVersion: 2,
    uuid: randomUUID(),
    location,
    lastSequenceNumber: 0,
    lastUpdated: 0,
    lastColumnId: Math.max(0, ...allFields(schema.fields).map((field) => field.id)),
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
  { schema, knownColumnId }: StagedFiles,
  id: TableId,
): Pick<TableMetadata, 'schemas' | 'currentSchemaId' | 'lastColumnId'> {
  const same = base.schemas.find(sameAs(schema))
  if (same !== undefined) return { schemas: base.schemas, currentSchemaId: same['schema-id'], lastColumnId: base.lastColumnId }
  const fields = allFields(schema.fields)
  refuseReusedIds(
    base,
    fields.filter((field) => field.id > (knownColumnId ?? 0)),
    id,
  )
  const ids = base.schemas.map((known) => known['schema-id'])
  const free = ids.includes(schema['schema-id']) ? Math.max(...ids) + 1 : schema['schema-id']
  return {
    schemas: [...base.schemas, { ...schema, 'schema-id': free }],
    currentSchemaId: free,
    lastColumnId: Math.max(base.lastColumnId, ...fields.map((field) => field.id)),
  }
}

/** Whatever the order in which a file, or this process, has their properties. */
const isAlike = (a: unknown, b: unknown): boolean => isDeepStrictEqual(asJson(a), asJson(b))
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

const sameAs =
  (schema: IcebergSchema) =>
  (known: IcebergSchema): boolean =>
    isAlike(known.fields, schema.fields)

/** Two writers that each added a column since the same schema gave the same id to different columns. */
function refuseReusedIds(base: TableMetadata, added: ReturnType<typeof allFields>, id: TableId): void {
  const known = base.schemas.flatMap((schema) => allFields(schema.fields))
  for (const { id: fieldId, path } of added) {
    if (fieldId > base.lastColumnId || known.some((field) => field.id === fieldId && field.path === path)) continue
    throw new AssayError(
      'ASSAY-2006',
      `The schema of ${formatTableId(id)} was changed by another writer: the id of column ${path} is taken`,
    )
  }
}
