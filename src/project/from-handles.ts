import { resolve } from 'node:path'
import { type AssetDefinition, definitionOf, externalAsset } from '../assets/define-asset.ts'
import { type Problem, type SourceLocation, toProblem } from '../errors.ts'
import type { Dep } from '../partitions/mapping.ts'
import { type Binder, bindStatement } from './analyse.ts'
import { analyseDrafts } from './analyse-all.ts'
import { type Draft, specOf } from './draft.ts'
import { draftAll } from './draft-all.ts'
import { indexManifest, type LoadedManifest } from './manifest.ts'
import { readOrigins } from './origins.ts'
import { inOrder, ProjectErrors } from './problems.ts'
import { placed, userPlace } from './user-place.ts'
import { validateAssets } from './validate.ts'

/**
 * The manifest of one asset, made from its handle in this process: what it reads stands in it as made by others, and no
 * code versions are known. Nothing is imported, written or cached. @param root absolute folder that places are relative to
 * @throws ProjectErrors with all that is wrong with the asset, as loading a project does
 */
export async function manifestOfHandle(definition: AssetDefinition, binder: Binder, root: string): Promise<LoadedManifest> {
  const deps = new Map(Object.values(definition.made?.deps ?? {}).map((dep) => [dep.key, externalOf(dep, definitionOf(dep)?.where)]))
  deps.delete(definition.key)
  const assets = [...deps.values(), definition]
  const problems: Problem[] = []
  const report = (error: unknown): void => {
    const problem = toProblem(error, 'ASSAY-1002')
    problems.push({ ...problem, ...placed(root, problem.where ?? userPlace(error, isOf(root)) ?? definition.where) })
  }
  for (const fault of await validateAssets(assets, root)) report(fault)
  const drafts = draftAll(assets, readOrigins(root), report)
  const analysis = await analyseDrafts(drafts, (statement) => bindStatement(binder, statement))
  for (const fault of analysis.faults) report(fault)
  const [first, ...others] = inOrder(problems)
  if (first !== undefined) throw new ProjectErrors([first, ...others])
  const specOfDraft = (draft: Draft) =>
    specOf(draft, root, { codeVersion: '', module: '', lineage: analysis.lineage.get(draft.definition) ?? draft.declared })
  return indexManifest(definition.key, {
    formatVersion: 1,
    name: definition.key,
    file: '',
    profiles: [],
    sources: {},
    assets: drafts.map(specOfDraft),
  })
}

const ASSAY = resolve(import.meta.dirname, '..')
const isOf =
  (root: string) =>
  (file: string): boolean =>
    file.startsWith(root) && !file.startsWith(ASSAY) && !file.includes('node_modules')

/** What a reader knows of a dep: its columns and its partitions. A mapped dep is no asset, but has both. */
function externalOf({ key, schema, partitions }: Dep, where: SourceLocation | undefined): AssetDefinition {
  const definition = definitionOf(externalAsset(key, { schema, partitions }))
  if (definition === undefined) throw new Error(`${key} has no definition`)
  return { ...definition, where }
}
