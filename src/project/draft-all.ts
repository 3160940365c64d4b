import type { AssetDefinition } from '../assets/define-asset.ts'
import { declaredLineage } from './declared-lineage.ts'
import { checksOf, columnsOf, type Draft, queryOf } from './draft.ts'
import type { Origins } from './origins.ts'
import { validateColumns } from './validate-columns.ts'
import { validateMetadata } from './validate-metadata.ts'
import { validateWrites } from './validate-writes.ts'

/** Drafts of assets that may read each other; what is wrong with each is reported, and the others go on. */
export function draftAll(assets: readonly AssetDefinition[], origins: Origins, report: (error: unknown) => void): readonly Draft[] {
  const attempt = <T>(action: () => T, otherwise: T): T => {
    try {
      return action()
    } catch (error) {
      report(error)
      return otherwise
    }
  }
  const columns = new Map(assets.map((asset) => [asset, attempt(() => columnsOf(asset), [])]))
  const byKey = new Map(assets.map((asset) => [String(asset.key), columns.get(asset) ?? []]))
  return assets.map((definition) => {
    const own = columns.get(definition) ?? []
    for (const error of [...validateColumns(definition, own), ...validateMetadata(definition), ...validateWrites(definition, own)])
      report(error)
    const complete = Object.values(definition.made?.deps ?? {}).every((dep) => byKey.has(dep.key))
    return {
      definition,
      columns: own,
      checks: attempt(() => checksOf(definition, own, origins), []),
      query: complete ? attempt(() => queryOf(definition, (key) => byKey.get(key) ?? [], origins), undefined) : undefined,
      declared: complete ? attempt(() => declaredLineage(definition, (key) => byKey.get(key) ?? []), undefined) : undefined,
    }
  })
}
