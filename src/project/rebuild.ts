import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type AssetDefinition, definitionOf, knownAsset } from '../assets/define-asset.ts'
import { topologicalOrder } from '../assets/asset-graph.ts'
import { graphOf } from '../assets/selection.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { partitionsOf } from '../partitions/declare.ts'
import { columnOf } from '../schema/column.ts'
import { type Built, importProject, inPathOrder, upstreamFirst } from './build.ts'
import { collectAssets } from './collect.ts'
import type { Project } from './define-project.ts'
import type { LoadRequest } from './load.ts'
import { loadedModules } from './loaded-modules.ts'
import { type FileStamp, type LastLoad, lastLoad } from './manifest-cache.ts'
import { type LoadedManifest, manifestFile, readManifest } from './manifest.ts'
import { type KnownModules, knowModules, knownModules } from './module-cache.ts'
import type { ModuleRecord } from './module-record.ts'
import { hasRing, importersIn, reachesAll, reloadScope } from './reload-scope.ts'
import { draftAssets, makeSpecs } from './specs.ts'
import { standInFor } from './stand-ins.ts'
import { validateOutputs } from './validate-outputs.ts'
import { doubleSwaps } from './validate-resources.ts'

/** All that is left of the last load, and which files to load now. */
export interface Past {
  readonly last: LastLoad
  readonly loaded: LoadedManifest
  readonly modules: KnownModules
  /** Relative to the root, in the order in which they are run. */
  readonly scope: readonly string[]
}

export interface Rebuilt extends Pick<Built, 'manifest' | 'env'> {
  readonly files: readonly FileStamp[]
  readonly modules: KnownModules
}

/** More is to be loaded, by a new process: files that see something else than before, or the whole project. */
export interface Wider {
  readonly wider: readonly string[] | 'all'
}

const WHOLE: Wider = { wider: 'all' }

/** Their names are one argument of a process. */
const MOST_WIDER = 500

/** Undefined where the whole project is to be loaded. */
export function readPast(request: LoadRequest): Past | undefined {
  const { wider = [] } = request
  const last = wider === 'all' ? undefined : lastLoad(request)
  const modules = last && knownModules(request, last.id)
  if (last === undefined || modules === undefined || wider === 'all') return undefined
  const projectFile = relative(request.root, request.projectFile)
  const scope = reloadScope({ modules, projectFile, changed: last.changed, affected: wider })
  if (scope === undefined) return undefined
  try {
    return { last, loaded: readManifest(manifestFile(request.home, last.id)), modules, scope }
  } catch {
    return undefined
  }
}

/**
 * Makes the manifest of a project of which a few files have changed: only those are loaded, and what they need; the rest
 * is taken from the last load. Whatever is not plainly as it would be had the whole project been loaded, errors above all,
 * is left to just that.
 */
export async function rebuildManifest(request: LoadRequest, record: ModuleRecord, past: Past): Promise<Rebuilt | Wider> {
  try {
    return (await rebuilt(request, record, past)) ?? WHOLE
  } catch {
    return WHOLE
  }
}

async function rebuilt(request: LoadRequest, record: ModuleRecord, past: Past): Promise<Rebuilt | Wider | undefined> {
  const others = standIns(request.root, past)
  const scripts = past.scope.filter((path) => /\.[cm]?[jt]s$/.test(path)).map((path) => join(request.root, path))
  for (const file of scripts) await import(pathToFileURL(file).href)
  const scope = new Set(past.scope)
  if (record.stamps().some(({ path }) => !scope.has(path))) return undefined
  const project = scripts.includes(request.projectFile) ? await importProject(request) : undefined
  const found = project === undefined ? await exportedFrom(request, past) : collectAssets(project)
  const fresh = found.filter((definition) => !others.has(definition))
  const keys = project === undefined ? past.loaded.manifest.assets.map(({ key }) => key) : found.map(({ key }) => key)
  if (!isSound(past.loaded, { fresh, keys: new Set(keys), count: keys.length, project })) return undefined
  if (validateOutputs(fresh).length > 0) return undefined
  const problems: unknown[] = []
  const drafted = await draftAssets(
    request,
    fresh,
    (error) => problems.push(error),
    (key) => past.loaded.asset(key)?.columns,
  )
  if (problems.length > 0) return undefined
  const loaded = await loadedModules(request.root, record, fresh)
  const specs = new Map(makeSpecs(request, drafted, loaded).map((spec) => [spec.key, spec]))
  const modules = merged(past, knowModules(request, loaded, record))
  if (modules === undefined || !isWhole(request, past, modules)) return undefined
  const wider = seenByOthers(past, modules, specs)
  if (wider.length > 0) return wider.length > MOST_WIDER ? WHOLE : { wider }
  const assets = assetsOf(past.loaded, keys, specs)
  return assets && { ...outcome(past, record, assets, project), modules }
}

/** Stands in for all modules that show nothing but assets, and gives the definitions of these. */
function standIns(root: string, { loaded, modules, scope }: Past): ReadonlySet<AssetDefinition> {
  const definitions = new Set<AssetDefinition>()
  const faces = new Map<string, object>()
  const faceOf = (key: string): object => {
    const known = faces.get(key)
    if (known !== undefined) return known
    const spec = loaded.asset(key)
    if (spec === undefined) throw new Error(`${key} is exported, but is no asset of the project`)
    const schema = Object.fromEntries(spec.columns.flatMap((column) => [[column.name, columnOf(column)] as const]).filter(isThere))
    const face = knownAsset({ key: spec.key, kind: spec.kind, schema, partitions: partitionsOf(spec.partitions) })
    const definition = definitionOf(face)
    if (definition !== undefined) definitions.add(definition)
    faces.set(key, face)
    return face
  }
  const inScope = new Set(scope)
  const exports = [...modules].flatMap(([path, { assets }]) =>
    assets === null || inScope.has(path)
      ? []
      : [[join(root, path), () => Object.fromEntries(Object.entries(assets).map(([name, key]) => [name, faceOf(key)]))] as const],
  )
  standInFor(new Map(exports))
  return definitions
}

const isThere = <T>(entry: readonly [string, T | undefined]): entry is readonly [string, T] => entry[1] !== undefined

/** The assets that the files of the scope show, each once. */
async function exportedFrom({ root }: LoadRequest, { scope, modules }: Past): Promise<readonly AssetDefinition[]> {
  const found = new Map<unknown, AssetDefinition>()
  for (const path of scope.filter((each) => modules.get(each)?.assets != null)) {
    const namespace = (await import(pathToFileURL(join(root, path)).href)) as Readonly<Record<string, unknown>>
    for (const value of Object.values(namespace)) {
      const definition = definitionOf(value)
      if (definition !== undefined) found.set(value, definition)
    }
  }
  return [...found.values()]
}

interface Found {
  readonly fresh: readonly AssetDefinition[]
  readonly keys: ReadonlySet<string>
  readonly count: number
  readonly project: Project | undefined
}

/** What `validateAssets` holds of the project as a whole, but for cycles. */
function isSound(past: LoadedManifest, { fresh, keys, count, project }: Found): boolean {
  const own = new Set(fresh.map(({ key }) => String(key)))
  if (own.size < fresh.length || keys.size < count) return false
  const isMade = fresh.every(({ kind, made }) => kind === 'external' || made !== undefined)
  const reads = fresh.every(({ made }) => Object.values(made?.deps ?? {}).every((dep) => keys.has(dep.key)))
  const rejects = fresh.some(({ key, quarantine }) => quarantine && keys.has(`${key}__rejects`))
  if (!isMade || !reads || rejects) return false
  if (project === undefined) return true
  const isNew = [...keys].filter((key) => past.asset(key) === undefined)
  const others = [...keys].flatMap((key) => (own.has(key) ? [] : (past.asset(key) ?? [])))
  const clash = isNew.some((key) => key.endsWith('__rejects'))
  return !clash && doubleSwaps(project).length === 0 && others.every(({ deps }) => deps.every((dep) => keys.has(dep.asset)))
}

/** What is known of all files now; undefined where there is one that was not known, or that shows more than assets now. */
function merged({ modules, scope }: Past, now: KnownModules): KnownModules | undefined {
  const next = new Map(modules)
  for (const path of scope) {
    const [was, is] = [modules.get(path), now.get(path)]
    if (was === undefined || is === undefined || is.late.length > 0 || (was.assets === null) !== (is.assets === null)) return undefined
    next.set(path, is)
  }
  return [...now.keys()].every((path) => modules.has(path)) ? next : undefined
}

/** Whether the same files make up the project, and none of them imports itself by way of an import that is new. */
function isWhole({ root, projectFile }: LoadRequest, { modules: before, scope }: Past, modules: KnownModules): boolean {
  const start = relative(root, projectFile)
  const isNew = scope.some((path) => modules.get(path)?.imports.some((target) => !before.get(path)?.imports.includes(target)))
  return reachesAll(modules, start) && !(isNew && hasRing(modules, start))
}

/** Files out of scope that import one whose assets look different now. */
function seenByOthers(
  { modules: before, loaded, scope }: Past,
  modules: KnownModules,
  specs: ReadonlyMap<string, AssetSpec>,
): readonly string[] {
  const importers = importersIn(modules)
  const differs = (path: string): boolean => {
    const [was, is] = [before.get(path)?.assets ?? null, modules.get(path)?.assets ?? null]
    if (was === null || is === null) return false
    return (
      JSON.stringify(Object.entries(was).sort()) !== JSON.stringify(Object.entries(is).sort()) ||
      Object.values(is).some((key) => specs.has(key) && faceOf(specs.get(key)) !== faceOf(loaded.asset(key)))
    )
  }
  const affected = scope.filter(differs).flatMap((path) => importers.get(path) ?? [])
  return affected.some((path) => !scope.includes(path)) ? [...new Set([...scope, ...affected])] : []
}

/** What readers see of an asset. */
const faceOf = (spec: AssetSpec | undefined): string => JSON.stringify([spec?.kind, spec?.columns, spec?.partitions])

/** All assets, upstream first; undefined where they form a cycle. */
function assetsOf(past: LoadedManifest, keys: readonly string[], fresh: ReadonlyMap<string, AssetSpec>): readonly AssetSpec[] | undefined {
  const sameReads = (spec: AssetSpec): boolean => {
    const now = fresh.get(spec.key)
    return now === undefined || JSON.stringify(now.deps.map((dep) => dep.asset)) === JSON.stringify(spec.deps.map((dep) => dep.asset))
  }
  const { assets } = past.manifest
  if (keys.length === assets.length && keys.every((key) => past.asset(key) !== undefined) && assets.every(sameReads))
    return assets.map((spec) => fresh.get(spec.key) ?? spec)
  const specs = keys.flatMap((key) => fresh.get(key) ?? past.asset(key) ?? [])
  return specs.length === keys.length && topologicalOrder(graphOf(specs)).length === specs.length ? upstreamFirst(specs) : undefined
}

function outcome(
  { last, loaded: { manifest }, modules }: Past,
  record: ModuleRecord,
  assets: readonly AssetSpec[],
  project: Project | undefined,
): Omit<Rebuilt, 'modules'> {
  const stamps = new Map(record.stamps().map((stamp) => [stamp.path, stamp]))
  const files = last.files.filter(({ path }) => modules.has(path)).map((stamp) => stamps.get(stamp.path) ?? stamp)
  const about =
    project === undefined
      ? { name: manifest.name, profiles: manifest.profiles }
      : { name: project.name, profiles: Object.keys(project.profiles ?? {}).sort() }
  const sources = inPathOrder(files.map(({ path, sha256 }) => [path, sha256]))
  return {
    manifest: { formatVersion: 1, name: about.name, file: manifest.file, profiles: about.profiles, sources, assets },
    env: project === undefined ? last.env : (project.env ?? []),
    files,
  }
}
