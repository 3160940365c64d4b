import type { AssetSpec } from '../assets/spec.ts'
import { isWrittenAlike } from './manifest-file.ts'
import { canonicalJson, type Manifest } from './manifest.ts'

/** What one manifest has that another has not, by asset. */
export interface ManifestDiff {
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** Made in another way, so that what they made is stale. */
  readonly code: readonly string[]
  /** Described, checked, retried or placed in another way: nothing is stale for it. */
  readonly rest: readonly string[]
}

/** Compares two manifests of a project, asset by asset, in the order of the later one. */
export function diffManifests(before: Manifest, after: Manifest): ManifestDiff {
  const old = new Map(before.assets.map((spec) => [spec.key, spec]))
  const now = new Set(after.assets.map((spec) => spec.key))
  const known = after.assets.flatMap((spec) => {
    const was = old.get(spec.key)
    return was === undefined ? [] : [{ spec, was }]
  })
  const code = known.filter(({ spec, was }) => spec.codeVersion !== was.codeVersion)
  const rest = known.filter(
    ({ spec, was }) => spec.codeVersion === was.codeVersion && !isWrittenAlike(spec, was) && content(spec) !== content(was),
  )
  return {
    added: after.assets.filter((spec) => !old.has(spec.key)).map((spec) => spec.key),
    removed: before.assets.filter((spec) => !now.has(spec.key)).map((spec) => spec.key),
    code: code.map(({ spec }) => spec.key),
    rest: rest.map(({ spec }) => spec.key),
  }
}

/** Without places: an asset that only moved down in its file is the same. */
const content = (spec: AssetSpec): string => canonicalJson(spec).replaceAll(/"(?:column|line)":\d+/g, '')
