import { relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AssetDefinition, definitionOf } from '../assets/define-asset.ts'
import { topologicalOrder } from '../assets/asset-graph.ts'
import { graphOf } from '../assets/selection.ts'
import { CHECKED_ROWS, type CheckSpec } from '../checks/check.ts'
import { AssayError, type Problem } from '../errors.ts'
import type { ColumnSpec } from '../schema/column.ts'
import { analyseStatement, type BoundStatement } from './analyse.ts'
import { codeReader, type Modules } from './code-reader.ts'
import { codeVersion } from './code-version.ts'
import { collectAssets } from './collect.ts'
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
    for (const error of await analyseAll(drafts)) report(error)
    if (problems.length > 0) return { problems }
    const modules = await loadedModules(request.root, record, assets)
    for (const error of [...twinResources(modules), ...doubleSwaps(project)]) report(error)
    if (problems.length > 0) return { problems }
    return { manifest: { ...manifestOf(request, project, drafts, modules), sources: sourcesOf(record) }, env: project.env ?? [] }
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
    for (const error of validateColumns(definition, own)) report(error)
    const complete = Object.values(definition.made?.deps ?? {}).every((dep) => byKey.has(dep.key))
    return {
      definition,
      columns: own,
      checks: attempt(() => checksOf(definition, own, origins), []),
      query: complete ? attempt(() => queryOf(definition, (key) => byKey.get(key) ?? [], origins), undefined) : undefined,
    }
  })
}

/** Binds all statements in one session; DuckDB is loaded only when there are any. */
async function analyseAll(drafts: readonly Draft[]): Promise<readonly AssayError[]> {
  const columns = new Map(drafts.map((draft) => [String(draft.definition.key), draft.columns]))
  const statements = drafts.flatMap((draft) => [...queryStatement(draft, columns), ...checkStatements(draft)])
  if (statements.length === 0) return []
  const { openDuckdb } = await import('../resources/duckdb.ts')
  const engine = await openDuckdb({ threads: 1 })
  const session = await engine.session()
  const faults: AssayError[] = []
  try {
    for (const statement of statements) {
      const fault = await analyseStatement(session, statement)
      if (fault !== undefined) faults.push(fault)
    }
  } finally {
    session.close()
    engine.close()
  }
  return faults
}

function queryStatement({ definition, columns, query }: Draft, all: ReadonlyMap<string, readonly ColumnSpec[]>): readonly BoundStatement[] {
  if (query === undefined) return []
  const inputs = Object.fromEntries(Object.entries(definition.made?.deps ?? {}).map(([name, dep]) => [name, all.get(dep.key) ?? []]))
  const partitions = definition.partitions.spec
  return [{ name: definition.key, pieces: query.pieces, inputs, partitions, columns, yields: columns, where: query.where }]
}

const checkStatements = ({ definition, columns, checks }: Draft): readonly BoundStatement[] =>
  checks
    .filter((check): check is CheckSpec & { rule: 'sql' } => check.rule === 'sql')
    .map((check) => ({
      name: `the check '${check.name}' of ${definition.key}`,
      pieces: check.query,
      inputs: { [CHECKED_ROWS]: columns },
      partitions: definition.partitions.spec,
      columns,
      yields: undefined,
      where: check.where,
    }))

function manifestOf(
  request: LoadRequest,
  { name, profiles = {} }: Project,
  drafts: readonly Draft[],
  modules: Modules,
): Omit<Manifest, 'sources'> {
  const reader = codeReader(modules)
  const specs = drafts.map((draft) =>
    specOf(draft, request.root, {
      codeVersion: codeVersion(draft, reader),
      module: relative(request.root, moduleOf(draft.definition, request, modules)),
    }),
  )
  const order = new Map(topologicalOrder(graphOf(specs)).map((key, i) => [key, i]))
  const assets = specs.toSorted((a, b) => (order.get(a.key) ?? 0) - (order.get(b.key) ?? 0))
  return { formatVersion: 1, name, file: relative(request.root, request.projectFile), profiles: Object.keys(profiles).sort(), assets }
}

/** Asked for at the end: reading the code of computes leads to files that were not loaded. */
const sourcesOf = (record: ModuleRecord): Manifest['sources'] =>
  Object.fromEntries(record.stamps().map(({ path, sha256 }) => [path, sha256]))

/** The smallest file that gives a worker the asset: the one that made it, where that exports it; else the whole project. */
function moduleOf(definition: AssetDefinition, { projectFile }: LoadRequest, modules: Modules): string {
  const file = definition.made?.where?.file
  const exported = file === undefined ? [] : Object.values(modules.namespace(file))
  return file !== undefined && exported.some((value) => definitionOf(value)?.key === definition.key) ? file : projectFile
}
