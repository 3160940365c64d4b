import type { Cause, Stale } from '../../assets/versions.ts'
import { count, type PartitionSet, union } from '../../partitions/partition-set.ts'
import { isPlanned, type PlannedAsset } from '../../runs/plan.ts'
import { short } from './words.ts'

/** A cause of staleness in words. */
export function causeWords(cause: Cause): string {
  switch (cause.kind) {
    case 'code changed':
      return 'code changed'
    case 'input changed':
      return inputWords(cause)
    case 'dependency added':
    case 'dependency removed':
      return `${cause.kind.replace('dependency', 'dep')}: ${cause.dep}`
    case 'forced':
      return 'forced'
  }
}

function inputWords({ asset, from, to }: Cause & { kind: 'input changed' }): string {
  if (to.some(isPlanned)) return `${asset} is made first`
  if (from.length === 0) return `${asset} has more partitions`
  if (to.length === 0) return `${asset} has fewer partitions`
  if (from.length === 1 && to.length === 1) return `${asset} moved ${short(from[0] ?? '')} → ${short(to[0] ?? '')}`
  return `${asset} moved`
}

/** Causes of the same words, with the partitions of all. */
function foldCauses(because: readonly Stale[]): readonly { readonly words: string; readonly partitions: PartitionSet }[] {
  const folded = new Map<string, PartitionSet>()
  for (const { cause, partitions } of because) {
    const words = causeWords(cause)
    folded.set(words, union(folded.get(words) ?? [], partitions))
  }
  return [...folded].map(([words, partitions]) => ({ words, partitions }))
}

/** Why an asset of a plan runs, or does not: the numbers only where causes differ between partitions. */
export function becauseWords(planned: PlannedAsset): string {
  const total = count(planned.run)
  const share = (words: string, set: PartitionSet): string => (count(set) === total ? words : `${count(set)} ${words}`)
  return [
    ...(count(planned.missing) === 0 ? [] : [share('never made', planned.missing)]),
    ...foldCauses(planned.because).map(({ words, partitions }) => share(words, partitions)),
    ...planned.together.map(({ asset, partitions }) => share(`together with ${asset}`, partitions)),
    ...(count(planned.widened) === 0 ? [] : [`widened by ${count(planned.widened)} for its readers`]),
    ...planned.unobserved.map((key) => `${key} was never observed`),
    ...planned.blocked.map((b) => `needs ${b.dep}, not made for ${count(b.missing)}`),
    ...(planned.action === 'reuse' ? ['fresh'] : planned.action === 'external' ? ['made by others'] : []),
  ].join('; ')
}
