import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { AssayError } from '../errors.ts'
import type { AssetKey } from '../keys.ts'
import type { PartitionSet } from '../partitions/partition-set.ts'
import { writeWhole } from '../project/manifest.ts'
import type { Plan } from './plan.ts'
import type { RunRequest } from './launch.ts'

/** A plan that was shown, with the request that it answers. */
export interface SavedPlan {
  readonly plan: Plan
  readonly request: RunRequest
}

/** Plans that are kept; older ones are forgotten. */
const KEPT = 100

const folderOf = (home: string): string => join(home, 'plans')

/** Keeps a plan under its id, so that it can be applied as it was shown. Equal plans are one file. */
export function savePlan(home: string, saved: SavedPlan): void {
  const folder = folderOf(home)
  writeWhole(join(folder, `${saved.plan.id}.json`), JSON.stringify({ ...saved, byAsset: byAssetOf(saved.request) }))
  const files = readdirSync(folder).map((name) => join(folder, name))
  if (files.length <= KEPT) return
  const byAge = files.map((file) => ({ file, at: statSync(file).mtimeMs })).sort((a, b) => b.at - a.at)
  for (const { file } of byAge.slice(KEPT)) rmSync(file, { force: true })
}

/** @throws ASSAY-3010 when there is no such plan */
export function readPlan(home: string, id: string): SavedPlan {
  const file = join(folderOf(home), `${id}.json`)
  if (!/^[0-9a-f]+$/.test(id) || !existsSync(file)) throw new AssayError('ASSAY-3010', `there is no plan ${id}`)
  const { plan, request, byAsset } = JSON.parse(readFileSync(file, 'utf8')) as SavedPlan & { readonly byAsset: ByAsset | null }
  return { plan, request: byAsset === null ? request : { ...request, partitions: new Map(byAsset) } }
}

type ByAsset = readonly (readonly [AssetKey, PartitionSet])[]

/** JSON has no maps. */
const byAssetOf = ({ partitions }: RunRequest): ByAsset | null => (partitions instanceof Map ? [...partitions] : null)
