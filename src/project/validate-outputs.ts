import type { AssetDefinition, Made } from '../assets/define-asset.ts'
import { AssayError } from '../errors.ts'
import type { PartitionsSpec } from '../partitions/spec.ts'
import { canonicalJson } from './manifest.ts'

/** What is wrong between the outputs of each compute that makes several. @returns ASSAY-1021 */
export function validateOutputs(assets: readonly AssetDefinition[]): readonly AssayError[] {
  const groups = Map.groupBy(
    assets.filter(({ made }) => made?.outputs !== undefined),
    ({ made }) => made,
  )
  return [...groups].flatMap(([made, outputs]) =>
    made === undefined
      ? []
      : [...faultsOf(made, outputs)].map(([what, next]) => new AssayError('ASSAY-1021', what, { where: made.where, next })),
  )
}

type Fault = readonly [what: string, next: string]

/** @param outputs those that are part of the project */
function* faultsOf(made: Made, outputs: readonly AssetDefinition[]): Generator<Fault> {
  const [first, ...others] = outputs
  if (first === undefined) return
  const known = new Set<string>(outputs.map(({ key }) => key))
  for (const { key } of Object.values(made.outputs?.assets ?? {})) {
    if (!known.has(key))
      yield [
        `${first.key} is made together with ${key}, which is not part of the project`,
        'Add its module to `assets` in the project file.',
      ]
  }
  for (const [name, dep] of Object.entries(made.deps)) {
    if (known.has(dep.key))
      yield [`${dep.key} is read as ${name} by the compute that makes it`, 'Read what it is made from, or make it by a compute of its own.']
  }
  for (const [name, dep] of Object.entries(made.deps)) {
    if (dep.reads === 'changed')
      yield [
        `${first.key} is made together with others, and reads only what has changed of ${name}`,
        'Read all of it: outputs of one compute take in different things.',
      ]
  }
  for (const { key, write } of outputs) {
    if (write === 'append') yield [`${key} is made together with others, and appends`, 'Give it a compute of its own.']
  }
  for (const { key, kind } of outputs) {
    if (kind === 'marker') yield [`${key} has no schema, so a compute of several outputs cannot make it`, 'Give it a schema.']
  }
  for (const other of others) yield* differences(first, other)
}

/** One attempt makes both on the same partitions. */
function* differences(a: AssetDefinition, b: AssetDefinition): Generator<Fault> {
  const both = `${a.key} and ${b.key} are made together, but have`
  if (canonicalJson(slicesOf(a.partitions.spec)) !== canonicalJson(slicesOf(b.partitions.spec)))
    yield [`${both} different partitions`, 'Give both the same partitions; each may name a column of its own that holds them.']
  if (canonicalJson(a.backfill) !== canonicalJson(b.backfill))
    yield [`${both} different backfill policies`, 'Say the same `backfill` for both.']
  if (canonicalJson(a.retry) !== canonicalJson(b.retry)) yield [`${both} different retry policies`, 'Say the same `retry` for both.']
}

/** Partitions without the columns that hold them. */
function slicesOf(spec: PartitionsSpec): unknown {
  if (spec.dim === 'product') return spec.dimensions.map((dimension) => [dimension.name, slicesOf(dimension.spec)])
  const { column: _, ...slices } = { column: '', ...spec }
  return slices
}
