import { relative } from 'node:path'
import { type AssetDefinition, definitionOf } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { Lineage } from '../sql/lineage-sources.ts'
import { analyseAll } from './analyse-all.ts'
import { codeReader, type Modules } from './code-reader.ts'
import { codeVersion } from './code-version.ts'
import { declaredLineage } from './declared-lineage.ts'
import { checksOf, columnsOf, type Draft, queryOf, specOf } from './draft.ts'
import type { LoadRequest } from './load.ts'
import { readOrigins } from './origins.ts'
import { validateColumns } from './validate-columns.ts'
import { validateMetadata } from './validate-metadata.ts'

type Report = (error: unknown) => void

/** Assets with their statements bound. */
export interface Drafted {
  readonly drafts: readonly Draft[]
  readonly lineage: ReadonlyMap<AssetDefinition, Lineage>
}

/**
 * Calls the functions of the user that say more of assets, and binds their statements. What is wrong is reported.
 * @param others columns of assets that are known already, by key
 */
export async function draftAssets(
  request: LoadRequest,
  assets: readonly AssetDefinition[],
  report: Report,
  others?: (key: string) => readonly ColumnSpec[] | undefined,
): Promise<Drafted> {
  const own = new Map(assets.map((asset) => [asset, attempt(() => columnsOf(asset), [], report)]))
  const byKey = new Map(assets.map((asset) => [String(asset.key), own.get(asset) ?? []]))
  const columns = (key: string): readonly ColumnSpec[] | undefined => byKey.get(key) ?? others?.(key)
  const origins = readOrigins(request.root)
  const drafts = assets.map((definition): Draft => {
    const mine = own.get(definition) ?? []
    for (const error of [...validateColumns(definition, mine), ...validateMetadata(definition)]) report(error)
    const complete = Object.values(definition.made?.deps ?? {}).every((dep) => columns(dep.key) !== undefined)
    const ofDep = (key: string): readonly ColumnSpec[] => columns(key) ?? []
    return {
      definition,
      columns: mine,
      checks: attempt(() => checksOf(definition, mine, origins), [], report),
      query: complete ? attempt(() => queryOf(definition, ofDep, origins), undefined, report) : undefined,
      declared: complete ? attempt(() => declaredLineage(definition, ofDep), undefined, report) : undefined,
    }
  })
  const { lineage, faults } = await analyseAll(request, drafts, { columns, isAll: others === undefined })
  for (const fault of faults) report(fault)
  return { drafts, lineage }
}

function attempt<T>(action: () => T, otherwise: T, report: Report): T {
  try {
    return action()
  } catch (error) {
    report(error)
    return otherwise
  }
}

/** Assets as plain data, in the order of their drafts. @throws ASSAY-1002 when no file of the user's is known to make one */
export function makeSpecs(request: LoadRequest, { drafts, lineage }: Drafted, modules: Modules): readonly AssetSpec[] {
  const reader = codeReader(modules)
  return drafts.map((draft) =>
    specOf(draft, request.root, {
      codeVersion: codeVersion(draft, reader),
      lineage: lineage.get(draft.definition) ?? draft.declared,
      module: relative(request.root, moduleOf(draft.definition, request, modules)),
    }),
  )
}

/** The smallest file that gives a worker the asset: the one that made it, where that exports it; else the whole project. */
function moduleOf(definition: AssetDefinition, { projectFile }: LoadRequest, modules: Modules): string {
  const file = definition.made?.where?.file
  const exported = file === undefined ? [] : Object.values(modules.namespace(file))
  return file !== undefined && exported.some((value) => definitionOf(value)?.key === definition.key) ? file : projectFile
}
