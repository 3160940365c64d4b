import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AssetDefinition, definitionOf } from '../assets/define-asset.ts'
import { topologicalOrder } from '../assets/asset-graph.ts'
import { graphOf } from '../assets/selection.ts'
import { AssayError, type Problem } from '../errors.ts'
import { type Analysis, analyseAll } from './analyse-all.ts'
import { codeReader, type Modules } from './code-reader.ts'
import { codeVersion } from './code-version.ts'
import { collectAssets } from './collect.ts'
import { declaredLineage } from './declared-lineage.ts'
import { isProject, type Project } from './define-project.ts'
import { checksOf, columnsOf, type Draft, queryOf, specOf } from './draft.ts'
import { userProblem } from './import-problem.ts'
import type { LoadRequest } from './load.ts'
import { loadedModules } from './loaded-modules.ts'
import type { Manifest } from './manifest.ts'
import type { ModuleRecord } from './module-record.ts'
import { type Origins, readOrigins } from './origins.ts'
import { validateAssets } from './validate.ts'
import { doubleSwaps, twinResources } from './validate-resources.ts'
import { validateColumns } from './validate-columns.ts'
import { validateMetadata } from './validate-metadata.ts'

export interface Built {
  readonly manifest: Manifest
  /** Names of the environment variables that definitions read. */
  readonly env: readonly string[]
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
    const drafts = draftAll(assets, readOrigins(request.root), report)
    const analysis = await analyseAll(request, drafts)
    for (const error of analysis.faults) report(error)
    if (problems.length > 0) return { problems }
    const modules = await loadedModules(request.root, record, assets)
    for (const error of [...twinResources(modules), ...doubleSwaps(project)]) report(error)
    if (problems.length > 0) return { problems }
    const manifest = manifestOf(request, project, { drafts, analysis, modules })
    return { manifest: { ...manifest, sources: sourcesOf(record) }, env: project.env ?? [] }
  } catch (error) {
    report(error)
    return { problems }
  }
}

async function importProject({ root, projectFile }: LoadRequest): Promise<Project> {
  const module = (await import(pathToFileURL(projectFile).href)) as { readonly default?: unknown }
  if (isProject(module.default)) return module.default
  const file = relative(root, projectFile)
  throw new AssayError('ASSAY-1003', `the default export of ${file} is not what defineProject() returns`, {
    where: { file: projectFile, line: 1, column: 1 },
  })
}

function draftAll(assets: readonly AssetDefinition[], origins: Origins, report: (error: unknown) => void): readonly Draft[] {
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
    for (const error of [...validateColumns(definition, own), ...validateMetadata(definition)]) report(error)
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

interface Parts {
  readonly drafts: readonly Draft[]
  readonly analysis: Analysis
  readonly modules: Modules
}

function manifestOf(
  request: LoadRequest,
  { name, profiles = {} }: Project,
  { drafts, analysis, modules }: Parts,
): Omit<Manifest, 'sources'> {
  const reader = codeReader(modules)
  const specs = drafts.map((draft) =>
    specOf(draft, request.root, {
      codeVersion: codeVersion(draft, reader),
      lineage: analysis.lineage.get(draft.definition) ?? draft.declared,
      module: relative(request.root, moduleOf(draft.definition, request, modules)),
    }),
  )
  const order = new Map(topologicalOrder(graphOf(specs)).map((key, i) => [key, i]))
  const assets = specs.toSorted((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0))
  return { formatVersion: 1, name, file: relative(request.root, request.projectFile), profiles: Object.keys(profiles).sort(), assets }
}

/** Asked for at the end: reading the code of computes leads to files that were not loaded. */
const sourcesOf = (record: ModuleRecord): Manifest['sources'] =>
  Object.fromEntries(
    record
      .stamps()
      .map(({ path, sha256 }) => [path, sha256] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )

/** The smallest file that gives a worker the asset: the one that made it, where that exports it; else the whole project. */
function moduleOf(definition: AssetDefinition, { projectFile }: LoadRequest, modules: Modules): string {
  const file = definition.made?.where?.file
  const exported = file === undefined ? [] : Object.values(modules.namespace(file))
  return file !== undefined && exported.some((value) => definitionOf(value)?.key === definition.key) ? file : projectFile
}
