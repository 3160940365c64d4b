import { relative } from 'node:path'
import { type AssetDefinition, definitionOf } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import type { Lineage } from '../sql/lineage-sources.ts'
import { analyseAll } from './analyse-all.ts'
import { codeReader, type Modules } from './code-reader.ts'
import { codeVersion } from './code-version.ts'
import { type Draft, specOf } from './draft.ts'
import { type ColumnsOf, draftAll } from './draft-all.ts'
import type { LoadRequest } from './load.ts'
import { readOrigins } from './origins.ts'

/** Assets with their statements bound. */
export interface Drafted {
  readonly drafts: readonly Draft[]
  readonly lineage: ReadonlyMap<AssetDefinition, Lineage>
}

/**
 * Calls the functions of the user that say more of assets, and binds their statements. What is wrong is reported.
 * @param others assets of the project beside these, where these are not all
 */
export async function draftAssets(
  request: LoadRequest,
  assets: readonly AssetDefinition[],
  report: (error: unknown) => void,
  others?: ColumnsOf,
): Promise<Drafted> {
  const drafts = draftAll(assets, readOrigins(request.root), report, others)
  const { lineage, faults } = await analyseAll(request, drafts, others)
  for (const fault of faults) report(fault)
  return { drafts, lineage }
}

/** Assets as plain data, in the order of their drafts. @throws ASSAY-1002 when no file of the user's is known to make one */
export function makeSpecs(request: LoadRequest, { drafts, lineage }: Drafted, modules: Modules): readonly AssetSpec[] {
  const reader = codeReader(modules)
  const moduleOf = modulesOf(request, modules)
  return drafts.map((draft) =>
    specOf(draft, request.root, {
      codeVersion: codeVersion(draft, reader),
      lineage: lineage.get(draft.definition) ?? draft.declared,
      module: moduleOf(draft.definition),
    }),
  )
}

/** The smallest file that gives a worker an asset: the one that made it, where that exports it; else the whole project. */
function modulesOf({ root, projectFile }: LoadRequest, modules: Modules): (definition: AssetDefinition) => string {
  const whole = relative(root, projectFile)
  const known = new Map<string, { readonly path: string; readonly exported: ReadonlySet<string> }>()
  const read = (file: string) => {
    const exported = Object.values(modules.namespace(file)).flatMap((value) => definitionOf(value)?.key ?? [])
    return { path: relative(root, file), exported: new Set<string>(exported) }
  }
  return ({ key, made, observed }) => {
    const file = (made ?? observed)?.where?.file
    if (file === undefined) return whole
    const module = known.get(file) ?? read(file)
    known.set(file, module)
    return module.exported.has(key) ? module.path : whole
  }
}
