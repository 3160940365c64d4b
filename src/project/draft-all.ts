import type { AssetDefinition } from '../assets/define-asset.ts'
import { declaredLineage } from './declared-lineage.ts'
import { checksOf, columnsOf, type Draft, queryOf } from './draft.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { Origins } from './origins.ts'
import { validateColumns } from './validate-columns.ts'
import { validateMetadata } from './validate-metadata.ts'
import { validateWrites } from './validate-writes.ts'

/** Columns of an asset by its key; undefined for one that is not there. */
export type ColumnsOf = (key: string) => readonly ColumnSpec[] | undefined

/**
 * Drafts of assets that may read each other; what is wrong with each is reported, and the others go on.
 * @param others assets beside these that they may read
 */
export function draftAll(
  assets: readonly AssetDefinition[],
  origins: Origins,
  report: (error: unknown) => void,
  others: ColumnsOf = () => undefined,
): readonly Draft[] {
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
  const read = (key: string): readonly ColumnSpec[] | undefined => byKey.get(key) ?? others(key)
  return assets.map((definition) => {
    const own = columns.get(definition) ?? []
    for (const error of [...validateColumns(definition, own), ...validateMetadata(definition), ...validateWrites(definition, own)])
      report(error)
    const complete = Object.values(definition.made?.deps ?? {}).every((dep) => read(dep.key) !== undefined)
    return {
      definition,
      columns: own,
      checks: attempt(() => checksOf(definition, own, origins), []),
      query: complete ? attempt(() => queryOf(definition, (key) => read(key) ?? [], origins), undefined) : undefined,
      declared: complete ? attempt(() => declaredLineage(definition, (key) => read(key) ?? []), undefined) : undefined,
    }
  })
}
