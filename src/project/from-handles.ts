import { type AssetDefinition, definitionOf } from '../assets/define-asset.ts'
import { type AssayError, type Problem, toProblem } from '../errors.ts'
import { assetKey } from '../keys.ts'
import type { Dep } from '../partitions/mapping.ts'
import { type Binder, bindStatement } from './analyse.ts'
import { analyseDrafts } from './analyse-all.ts'
import type { Draft } from './draft.ts'
import { specOf } from './draft.ts'
import { draftAll } from './draft-all.ts'
import { indexManifest, type LoadedManifest } from './manifest.ts'
import { readOrigins } from './origins.ts'
import { inOrder, ProjectErrors } from './problems.ts'
import { placed } from './user-place.ts'
import { validateAssets } from './validate.ts'

/**
 * The manifest of one asset, made from its handle in this process: what it reads stands in it as made by others, and no
 * code versions are known. Nothing is imported, written or cached. @param root absolute folder that places are relative to
 * @throws ProjectErrors with all that is wrong with the asset, as loading a project does
 */
export async function manifestOfHandle(definition: AssetDefinition, binder: Binder, root: string): Promise<LoadedManifest> {
  const deps = new Map(Object.values(definition.made?.deps ?? {}).map((dep) => [dep.key, externalOf(dep)]))
  deps.delete(definition.key)
  const assets = [...deps.values(), definition]
  const problems: Problem[] = []
  const report = (error: unknown): void => {
    const problem = toProblem(error, 'ASSAY-1002')
    problems.push({ ...problem, ...placed(root, problem.where ?? definition.where) })
  }
  const faults: readonly AssayError[] = await validateAssets(assets, root)
  faults.forEach(report)
  const drafts = draftAll(assets, readOrigins(root), report)
  const analysis = await analyseDrafts(drafts, (statement) => bindStatement(binder, statement))
  analysis.faults.forEach(report)
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

const NEVER_RETRIED = { max: 0, delay: 0 }

/** What a reader knows of a dep: its columns and its partitions. A mapped dep is no asset, but has both. */
const externalOf = (dep: Dep): AssetDefinition => ({
  key: assetKey(dep.key),
  kind: 'external',
  where: definitionOf(dep)?.where,
  metadata: {},
  schema: dep.schema,
  partitions: dep.partitions,
  rowKey: [],
  checks: undefined,
  quarantine: false,
  retry: NEVER_RETRIED,
  backfill: { partitionsPerStep: 1 },
  made: undefined,
})
