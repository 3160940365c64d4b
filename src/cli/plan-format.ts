import { z } from 'zod'

/**
 * What `assay plan --json` prints, as one line. docs/plan.schema.json is made of this by `node scripts/plan-schema.ts`. A
 * field may be added within a version; `v` is raised when one goes, or comes to mean something else.
 */
const key = z.string().describe('Key of an asset: silver.orders.')
const partitionSet = z
  .array(z.tuple([z.int(), z.int()]).readonly())
  .readonly()
  .describe('Partitions as sorted, disjoint, half-open intervals of numbers; [[0, 1]] is an asset without partitions.')
const version = z.string().describe('A data version: the id of a snapshot. In a plan also plan:STEP, for what that step will make.')

const cause = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('code changed'), from: z.string(), to: z.string() }),
  z.strictObject({
    kind: z.literal('input changed'),
    dep: z.string().describe('The name under which the compute knows the input.'),
    asset: key,
    partitions: partitionSet.describe('Those of the input that moved.'),
    from: z.array(version).readonly(),
    to: z.array(version).readonly(),
  }),
  z.strictObject({ kind: z.enum(['dependency added', 'dependency removed']), dep: z.string() }),
  z.strictObject({ kind: z.literal('forced') }),
])

const plannedAsset = z.strictObject({
  asset: key,
  action: z.enum(['run', 'observe', 'reuse', 'blocked', 'external']).describe('blocked: an input is missing that this plan does not make.'),
  run: partitionSet.describe('To be made.'),
  reuse: partitionSet.describe('Fresh, so not made again.'),
  missing: partitionSet.describe('Those to run that are missing.'),
  because: z
    .array(z.strictObject({ partitions: partitionSet, cause }))
    .readonly()
    .describe('Why partitions that are there are made again.'),
  blocked: z.array(z.strictObject({ dep: key, missing: partitionSet, partitions: partitionSet })).readonly(),
  widened: partitionSet.describe('Beyond those asked for, because a selected reader needs them.'),
  together: z
    .array(z.strictObject({ asset: key, partitions: partitionSet }))
    .readonly()
    .describe('Made because these outputs of the same compute are due.'),
  unobserved: z.array(key).readonly().describe('External assets that it reads or is, of which no version is known.'),
  checks: z.array(z.string()).readonly().describe('Checks that gate publishing.'),
})

const plan = z.strictObject({
  formatVersion: z.literal(1),
  id: z.string().describe('Hash of its content: `assay materialize --plan ID` runs it.'),
  manifestId: z.string(),
  request: z.string().describe('What was asked for, in words.'),
  assets: z.array(plannedAsset).readonly().describe('Upstream first.'),
  steps: z
    .array(
      z.strictObject({
        id: z.string(),
        kind: z.enum(['make', 'observe']),
        assets: z.array(key).readonly().describe('One, or outputs of one compute.'),
        partitions: partitionSet,
        after: z.array(z.string()).readonly().describe('Ids of the steps whose results it reads.'),
      }),
    )
    .readonly(),
  values: z
    .record(z.string(), z.array(z.tuple([z.int(), z.string()]).readonly()).readonly())
    .optional()
    .describe('By registry: the values behind the numbers of dynamic partitions that the plan is about.'),
})

const changed = {
  asset: key,
  column: z.string(),
  breaking: z.boolean(),
  readers: z
    .array(z.strictObject({ asset: key, column: z.string().optional() }))
    .readonly()
    .describe('Of a breaking change. Without a column: it decides which rows there are, or how the asset is read is not known.'),
}
const schemaChange = z.discriminatedUnion('kind', [
  z.strictObject({ ...changed, kind: z.enum(['added', 'dropped', 'nullable']) }),
  z.strictObject({ ...changed, kind: z.literal('renamed'), from: z.string() }),
  z.strictObject({ ...changed, kind: z.enum(['widened', 'altered']), from: z.string(), to: z.string() }),
  z.strictObject({ ...changed, kind: z.literal('refused'), why: z.string().describe('The step would fail with these words.') }),
])

export const planLine = z.strictObject({
  v: z.literal(1),
  type: z.literal('plan'),
  plan,
  partitions: z
    .record(z.string(), z.string())
    .describe('By asset that is sliced and runs: its partitions, as they are written on the command line.'),
  schemaChanges: z.array(schemaChange).readonly().describe('Of tables that are there and will be written.'),
  destroyed: z
    .array(
      z.discriminatedUnion('kind', [
        z.strictObject({ asset: key, kind: z.literal('column'), column: z.string() }),
        z.strictObject({ asset: key, kind: z.literal('written by others'), partitions: partitionSet }),
      ]),
    )
    .readonly(),
  estimate: z.strictObject({
    total: z.number().describe('Milliseconds that all steps with a past take, on the workers that there are.'),
    perStep: z.record(z.string(), z.number()).describe('By asset: milliseconds, the median of its last steps.'),
    unknown: z.array(key).readonly().describe('Assets to run of which no step has ever succeeded.'),
  }),
})

/** The fields of the line beside `v` and `type`. */
export type PlanFields = Omit<z.input<typeof planLine>, 'v' | 'type'>
