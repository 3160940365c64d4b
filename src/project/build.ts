import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { topologicalOrder } from '../assets/asset-graph.ts'
import { graphOf } from '../assets/selection.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { AssayError, type Problem } from '../errors.ts'
import type { Modules } from './code-reader.ts'
import { collectAssets } from './collect.ts'
import { isProject, type Project } from './define-project.ts'
import { userProblem } from './import-problem.ts'
import type { LoadRequest } from './load.ts'
import { loadedModules } from './loaded-modules.ts'
import type { Manifest } from './manifest.ts'
import type { ModuleRecord } from './module-record.ts'
import { draftAssets, makeSpecs } from './specs.ts'
import { validateAssets } from './validate.ts'
import { doubleSwaps, twinResources } from './validate-resources.ts'

export interface Built {
  readonly manifest: Manifest
  /** Names of the environment variables that definitions read. */
  readonly env: readonly string[]
  readonly modules: Modules
}

/** Imports the project and makes its manifest, or tells all that is wrong with it. Places are relative to the root. */
export async function buildManifest(
  request: LoadRequest,
  record: ModuleRecord,
): Promise<Built | { readonly problems: readonly Problem[] }> {
  const problems: Problem[] = []
  const report = (error: unknown): void => {
    problems.push(userProblem(error, record, request.root))
  }
  try {
    const project = await importProject(request)
    const assets = collectAssets(project)
    for (const error of await validateAssets(assets, request.root)) report(error)
    const drafted = await draftAssets(request, assets, report)
    if (problems.length > 0) return { problems }
    const modules = await loadedModules(request.root, record, assets)
    for (const error of [...twinResources(modules), ...doubleSwaps(project)]) report(error)
    if (problems.length > 0) return { problems }
    const { name, profiles = {}, env = [] } = project
    const manifest: Manifest = {
      formatVersion: 1,
      name,
      file: relative(request.root, request.projectFile),
      profiles: Object.keys(profiles).sort(),
      sources: {},
      assets: upstreamFirst(makeSpecs(request, drafted, modules)),
    }
    return { manifest: { ...manifest, sources: sourcesOf(record) }, env, modules }
  } catch (error) {
    report(error)
    return { problems }
  }
}

/** @throws ASSAY-1003, and what the user's code throws */
export async function importProject({ root, projectFile }: LoadRequest): Promise<Project> {
  const module = (await import(pathToFileURL(projectFile).href)) as { readonly default?: unknown }
  if (isProject(module.default)) return module.default
  const file = relative(root, projectFile)
  throw new AssayError('ASSAY-1003', `the default export of ${file} is not what defineProject() returns`, {
    where: { file: projectFile, line: 1, column: 1 },
  })
}

export function upstreamFirst(specs: readonly AssetSpec[]): readonly AssetSpec[] {
  const order = new Map(topologicalOrder(graphOf(specs)).map((key, i) => [key, i]))
  return specs.toSorted((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0))
}

/** Asked for at the end: reading the code of computes leads to files that were not loaded. */
const sourcesOf = (record: ModuleRecord): Manifest['sources'] => inPathOrder(record.stamps().map(({ path, sha256 }) => [path, sha256]))

export const inPathOrder = (entries: readonly (readonly [string, string | null])[]): Manifest['sources'] =>
  Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
