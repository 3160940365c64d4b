import * as z from 'zod'
import type { IcebergType, Transform } from '../schema/iceberg-type.ts'

/** The JSON of table metadata as the specification has it; unknown keys pass. Source: specification, appendix C. */

const id64 = z.union([z.int(), z.bigint()]).transform((id) => String(id))

const type: z.ZodType<IcebergType> = z.lazy(() =>
  z.union([
    z.string().transform((name) => name.replace(/\s+/g, '') as Extract<IcebergType, string>),
    z.looseObject({ type: z.literal('struct'), fields: z.array(field) }),
    z.looseObject({ type: z.literal('list'), 'element-id': z.int(), element: type, 'element-required': z.boolean() }),
    z.looseObject({
      type: z.literal('map'),
      'key-id': z.int(),
      key: type,
      'value-id': z.int(),
      value: type,
      'value-required': z.boolean(),
    }),
  ]),
)

const field = z.looseObject({ id: z.int(), name: z.string(), required: z.boolean(), type, doc: z.string().exactOptional() })

/** Version 1 gives the ids of its one schema only when it was written by a later engine. */
const schema = (version: 1 | 2) =>
  z.looseObject({
    type: z.literal('struct'),
    'schema-id': version === 1 ? z.int().default(0) : z.int(),
    fields: z.array(field),
    'identifier-field-ids': z.array(z.int()).exactOptional(),
  })

const partitionField = z.looseObject({
  'source-id': z.int(),
  'field-id': z.int(),
  name: z.string(),
  transform: z.string().transform((name) => name as Transform),
})
const partitionSpec = z.looseObject({ 'spec-id': z.int(), fields: z.array(partitionField) })

const snapshot = z.looseObject({
  'snapshot-id': id64,
  'parent-snapshot-id': id64.nullish(),
  'sequence-number': z.int().default(0),
  'timestamp-ms': z.int(),
  summary: z.record(z.string(), z.string()).default({}),
  'manifest-list': z.string(),
  'schema-id': z.int().nullish(),
})

const ref = z.looseObject({ 'snapshot-id': id64, type: z.enum(['branch', 'tag']) })

const shared = {
  location: z.string(),
  'last-updated-ms': z.int(),
  'last-column-id': z.int(),
  properties: z.record(z.string(), z.string()).nullish(),
  'current-snapshot-id': id64.nullish(),
  snapshots: z.array(snapshot).nullish(),
  refs: z.record(z.string(), ref).nullish(),
  'snapshot-log': z.array(z.looseObject({ 'timestamp-ms': z.int(), 'snapshot-id': id64 })).nullish(),
  'metadata-log': z.array(z.looseObject({ 'timestamp-ms': z.int(), 'metadata-file': z.string() })).nullish(),
}

export const METADATA_V2 = z.looseObject({
  ...shared,
  'format-version': z.literal(2),
  'table-uuid': z.string(),
  'last-sequence-number': z.int(),
  schemas: z.array(schema(2)),
  'current-schema-id': z.int(),
  'partition-specs': z.array(partitionSpec),
  'default-spec-id': z.int(),
  'last-partition-id': z.int(),
  'sort-orders': z.array(z.looseObject({ 'order-id': z.int(), fields: z.array(z.looseObject({})) })),
  'default-sort-order-id': z.int(),
})

/** Version 1 has either the single forms or those of version 2. */
export const METADATA_V1 = z.looseObject({
  ...shared,
  'format-version': z.literal(1),
  'table-uuid': z.string().default(''),
  schema: schema(1),
  schemas: z.array(schema(1)).nullish(),
  'current-schema-id': z.int().nullish(),
  'partition-spec': z.array(partitionField).nullish(),
  'partition-specs': z.array(partitionSpec).nullish(),
  'default-spec-id': z.int().nullish(),
  'last-partition-id': z.int().nullish(),
})

/** Of what version 3 adds, only row ids are always there; the rest is told apart by whoever reads rows. */
export const METADATA_V3 = METADATA_V2.extend({ 'format-version': z.literal(3), 'next-row-id': z.union([z.int(), z.bigint()]) })

export type RawSnapshot = z.infer<typeof snapshot>
export type RawMetadata = z.infer<typeof METADATA_V3> | z.infer<typeof METADATA_V2> | z.infer<typeof METADATA_V1>

/** The first complaint of zod in our words: `last-partition-id is missing`. */
export function complaint(error: z.ZodError): string {
  const issue = error.issues[0]
  if (issue === undefined) return 'it has the wrong shape'
  const path = issue.path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '')
  if (/received undefined/.test(issue.message)) return `${path} is missing`
  return `${path}: ${issue.message.replace(/^Invalid input: /, '')}`
}
