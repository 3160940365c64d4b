import type { AssetSpec } from '../assets/spec.ts'
import { AssayError } from '../errors.ts'
import type { Entry, IntervalMap } from '../partitions/interval-map.ts'
import { partitionsIn } from '../partitions/partition-of.ts'
import { each, type PartitionSet } from '../partitions/partition-set.ts'
import { partitionKey, readSet } from '../partitions/texts.ts'
import type { StepEnvironment } from './step-environment.ts'
import type { StepMessage } from './worker-protocol.ts'

/**
 * Asks an external asset for its versions, by the user's function. Partitions without one are not there.
 * @throws ASSAY-3013 for an answer that is none, and what the function throws
 */
export async function observeStep(environment: StepEnvironment, { assets, partitions, slices }: StepMessage): Promise<IntervalMap<string>> {
  const [key = ''] = assets
  const known = environment.loaded.asset(key)
  if (known?.observe === undefined) throw new Error(`${key} has no version function`)
  const spec = { ...known, partitions: slices?.[key] ?? known.partitions }
  const { observed } = await environment.definition(spec)
  const context = { partitions: partitionsIn(spec.partitions, partitions), log: environment.log, use: environment.use }
  return versionsOf(spec, partitions, await observed?.version(context as never))
}

/** Characters of a version: it is kept for each change, and compared as it is. */
const LONGEST = 1_000

function versionsOf(spec: AssetSpec, asked: PartitionSet, answer: unknown): IntervalMap<string> {
  const versions = spec.partitions.dim === 'none' ? new Map([['*', answer]]) : byKey(spec, asked, answer)
  const out: Entry<string>[] = []
  for (const p of each(asked)) {
    const value = versions.get(partitionKey(spec.partitions, p)) ?? undefined
    if (value === undefined) continue
    if (typeof value !== 'string' || value === '') throw refused(spec, `${JSON.stringify(value)}, which is no version`)
    if (value.length > LONGEST) throw refused(spec, `a version of ${value.length} characters, and not a hash of it`)
    const last = out.at(-1)
    if (last?.to === p && last.value === value) out[out.length - 1] = { ...last, to: p + 1 }
    else out.push({ from: p, to: p + 1, value })
  }
  return out
}

function byKey(spec: AssetSpec, asked: PartitionSet, answer: unknown): ReadonlyMap<string, unknown> {
  if (typeof answer !== 'object' || answer === null) throw refused(spec, `${JSON.stringify(answer)}, and not a version by partition`)
  const versions: ReadonlyMap<string, unknown> = answer instanceof Map ? answer : new Map(Object.entries(answer))
  const stray = [...versions.keys()].find((key) => readSet(spec.partitions, key, asked) === undefined)
  if (stray !== undefined) throw refused(spec, `a version of '${stray}', which is no partition of it`, ONLY_ASKED)
  return versions
}

const ONLY_ASKED = 'Return versions only of the keys in `partitions`, which the version function is given.'

const refused = ({ key, where }: AssetSpec, what: string, next?: string): AssayError =>
  new AssayError('ASSAY-3013', `the version function of ${key} returned ${what}`, { where, ...(next === undefined ? {} : { next }) })
