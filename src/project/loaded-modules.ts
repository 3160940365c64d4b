import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AssetDefinition } from '../assets/define-asset.ts'
import type { SourceLocation } from '../errors.ts'
import type { Modules } from './code-reader.ts'
import type { ModuleRecord } from './module-record.ts'
import { standIn } from './stand-ins.ts'

type Namespace = Readonly<Record<string, unknown>>

/** The modules of a project that has been imported: their exports, where their imports lead, and the locked packages. */
export async function loadedModules(root: string, record: ModuleRecord, assets: readonly AssetDefinition[]): Promise<Modules> {
  const namespaces = new Map<string, Namespace>()
  for (const { path } of record.stamps()) {
    const file = join(root, path)
    if (/\.[cm]?[jt]s$/.test(file)) namespaces.set(file, (await import(pathToFileURL(file).href)) as Namespace)
  }
  const versions = lockedVersions(root)
  const places = placesOf(assets)
  return {
    isOwn: record.isOwn,
    resolve: record.resolve,
    files: [...namespaces.keys()],
    namespace: (file) => namespaces.get(file) ?? standIn(file) ?? {},
    version: (specifier) => versionOf(versions, specifier),
    assetAt: (file, within) => places.declared.get(file)?.find(({ where }) => within(where))?.key,
    makesAsset: (file, within) => places.made.get(file)?.some(within) ?? false,
  }
}

/** Where assets are declared and made, by file, each place once: a loop may make thousands of assets at one. */
function placesOf(assets: readonly AssetDefinition[]): {
  readonly declared: ReadonlyMap<string, readonly { readonly where: SourceLocation; readonly key: string }[]>
  readonly made: ReadonlyMap<string, readonly SourceLocation[]>
} {
  const declared = new Map<string, { where: SourceLocation; key: string }[]>()
  const made = new Map<string, SourceLocation[]>()
  const [isNewDeclared, isNewMade] = [firstTime(), firstTime()]
  for (const { key, where, made: by, observed } of assets) {
    if (where !== undefined && isNewDeclared(where)) listOf(declared, where.file).push({ where, key })
    for (const frame of (by ?? observed)?.frames ?? []) if (isNewMade(frame)) listOf(made, frame.file).push(frame)
  }
  return { declared, made }
}

/** Tells whether a place is met for the first time. */
function firstTime(): (place: SourceLocation) => boolean {
  const seen = new Map<string, Set<number>>()
  return ({ file, line, column }) => {
    const places = seen.get(file) ?? new Set()
    seen.set(file, places)
    return places.size < places.add(line * MOST_COLUMNS + column).size
  }
}

const MOST_COLUMNS = 2 ** 20

function listOf<T>(lists: Map<string, T[]>, file: string): T[] {
  const list = lists.get(file) ?? []
  lists.set(file, list)
  return list
}

type Lock = { readonly packages?: Readonly<Record<string, { readonly version?: string }>> }

/** No lock file, or one that is not npm's, gives no versions: then only the name of a package counts. */
function lockedVersions(root: string): Lock {
  try {
    return JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock
  } catch {
    return {}
  }
}

/** `@1.2.3` for a package. The version of Assay does not count: a new one must not make every table stale. */
function versionOf(lock: Lock, specifier: string): string {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const version = lock.packages?.[`node_modules/${name}`]?.version
  return isBuiltin(specifier) || name === 'assay' || version === undefined ? '' : `@${version}`
}
