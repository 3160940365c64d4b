import { AssayError } from '../errors.ts'
import { equals, type PartitionSet, subtract, isEmpty } from '../partitions/partition-set.ts'
import { shortSet } from '../partitions/texts.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { Plan, PlannedAsset } from './plan.ts'

/** @throws ASSAY-3011 with what is different, when a plan is not the one that was shown */
export function refuseOutdated(shown: Plan, now: Plan, loaded: LoadedManifest): void {
  if (shown.id === now.id) return
  throw new AssayError('ASSAY-3011', `plan ${shown.id} is outdated: what would run now is plan ${now.id}`, {
    details: diffPlans(shown, now, loaded),
    next: `Look at it with \`assay plan\`, then \`assay materialize --plan ${now.id}\`.`,
  })
}

/** What one plan does that another does not, a line an asset. */
function diffPlans(shown: Plan, now: Plan, loaded: LoadedManifest): readonly string[] {
  const then = new Map(shown.assets.map((planned) => [planned.asset, planned]))
  const later = new Set(now.assets.map((planned) => planned.asset))
  const changed = now.assets.flatMap((planned) => lineOf(then.get(planned.asset), planned, loaded))
  const gone = shown.assets.filter((planned) => !later.has(planned.asset)).map((planned) => `${planned.asset}: no longer part of it`)
  const lines = [...changed, ...gone]
  const project = shown.manifestId === now.manifestId ? [] : ['the project was changed since']
  return lines.length === 0 ? [...project, 'the same partitions run, for other reasons'] : [...project, ...lines]
}

function lineOf(then: PlannedAsset | undefined, now: PlannedAsset, loaded: LoadedManifest): readonly string[] {
  if (then === undefined) return [`${now.asset}: new`]
  if (then.action !== now.action && isEmpty(then.run) !== isEmpty(now.run))
    return [`${now.asset}: was to ${then.action}, is to ${now.action}`]
  if (equals(then.run, now.run)) return []
  const partitions = loaded.asset(now.asset)?.partitions
  const words = (set: PartitionSet): string => (partitions === undefined ? '' : shortSet(partitions, set))
  const more = subtract(now.run, then.run)
  const less = subtract(then.run, now.run)
  const parts = [...(isEmpty(more) ? [] : [`also ${words(more)}`]), ...(isEmpty(less) ? [] : [`no longer ${words(less)}`])]
  return [`${now.asset}: ${parts.join(', ')}`]
}
