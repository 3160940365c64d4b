import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, type Stats, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Settings } from '../config.ts'
import { type LoadedManifest, manifestFile, readManifest, writeWhole } from './manifest.ts'

/** A file as it was when it was read. `sha256` is null for one that was not there. Times in milliseconds. */
export interface FileStamp {
  /** Relative to the root. */
  readonly path: string
  readonly size: number
  readonly mtimeMs: number
  readonly ino: number
  readonly sha256: string | null
}

/** What a manifest was made from. While all of it stands, the manifest is that of the project. */
interface CacheEntry {
  readonly id: string
  readonly assay: string
  readonly node: string
  readonly files: readonly FileStamp[]
  /** Hashes of the values of the environment variables that the project names; null where unset. Never the values. */
  readonly env: Readonly<Record<string, string | null>>
}

/** By project file, relative to the root. */
type CacheIndex = Readonly<Record<string, CacheEntry>>

/** They say where imports lead. */
const PACKAGE_FILES = ['package.json', 'package-lock.json']
const indexFile = (home: string): string => join(home, 'manifests', 'index.json')

/**
 * The manifest of a project that has not changed since it was loaded; undefined otherwise. Reads JSON and looks at files,
 * no more: a command must not wait for a project that stands still. A file that was only touched keeps the entry valid.
 */
export function cachedManifest(settings: Settings): LoadedManifest | undefined {
  const entry = validEntry(settings)
  if (entry === undefined) return undefined
  const files: FileStamp[] = []
  for (const stamp of entry.files) {
    const now = unchanged(settings.root, stamp)
    if (now === undefined) return undefined
    files.push(now)
  }
  const loaded = attempt(() => readManifest(manifestFile(settings.home, entry.id)))
  const touched = files.some((stamp, i) => stamp !== entry.files[i])
  const name = relative(settings.root, settings.projectFile)
  if (loaded !== undefined && touched)
    attempt(() => writeIndex(settings.home, { ...readIndex(settings.home), [name]: { ...entry, files } }))
  return loaded
}

/** The last good load of a project, and what has changed since. */
export interface LastLoad {
  readonly id: string
  readonly files: readonly FileStamp[]
  /** Names of the variables that definitions read. */
  readonly env: readonly string[]
  /** Paths relative to the root. */
  readonly changed: readonly string[]
}

/** Undefined where nothing of the last load can be used: another Assay, Node or environment, other packages. */
export function lastLoad(settings: Pick<Settings, 'root' | 'home' | 'projectFile'>): LastLoad | undefined {
  const entry = validEntry(settings)
  if (entry === undefined) return undefined
  const changed = entry.files.filter((stamp) => unchanged(settings.root, stamp) === undefined).map(({ path }) => path)
  if (changed.some((path) => PACKAGE_FILES.includes(path))) return undefined
  const files = entry.files.filter(({ path }) => !PACKAGE_FILES.includes(path))
  return { id: entry.id, files, env: Object.keys(entry.env), changed }
}

function validEntry(settings: Pick<Settings, 'root' | 'home' | 'projectFile'>): CacheEntry | undefined {
  const entry = readIndex(settings.home)[relative(settings.root, settings.projectFile)]
  if (entry === undefined || entry.assay !== assayVersion() || entry.node !== process.version) return undefined
  return Object.entries(entry.env).some(([variable, hash]) => hashOfVariable(variable) !== hash) ? undefined : entry
}

/** Remembers what a manifest was made from. @param modules the files of the project that were loaded */
export function rememberManifest(
  settings: Pick<Settings, 'root' | 'home' | 'projectFile'>,
  id: string,
  modules: readonly FileStamp[],
  env: readonly string[],
): void {
  const entry: CacheEntry = {
    id,
    assay: assayVersion(),
    node: process.version,
    files: [...modules, ...PACKAGE_FILES.map((file) => stampOf(settings.root, file))],
    env: Object.fromEntries(env.map((variable) => [variable, hashOfVariable(variable)])),
  }
  writeIndex(settings.home, { ...readIndex(settings.home), [relative(settings.root, settings.projectFile)]: entry })
}

/** The stamp of a file that has not changed: the same one, or a new one where only its times differ. */
function unchanged(root: string, stamp: FileStamp): FileStamp | undefined {
  const stat = statSync(join(root, stamp.path), { throwIfNoEntry: false })
  if (stat === undefined) return stamp.sha256 === null ? stamp : undefined
  if (stat.size === stamp.size && stat.mtimeMs === stamp.mtimeMs && stat.ino === stamp.ino) return stamp
  const now = stampOf(root, stamp.path, stat)
  return now.sha256 === stamp.sha256 ? now : undefined
}

/** A file as it is now. @param path relative to the root */
export function stampOf(
  root: string,
  path: string,
  stat: Stats | undefined = statSync(join(root, path), { throwIfNoEntry: false }),
): FileStamp {
  if (stat === undefined) return { path, size: 0, mtimeMs: 0, ino: 0, sha256: null }
  return { path, size: stat.size, mtimeMs: stat.mtimeMs, ino: stat.ino, sha256: hashOf(readFileSync(join(root, path))) }
}

const readIndex = (home: string): CacheIndex => attempt(() => JSON.parse(readFileSync(indexFile(home), 'utf8')) as CacheIndex) ?? {}
const writeIndex = (home: string, index: CacheIndex): void => writeWhole(indexFile(home), JSON.stringify(index))

const hashOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex')

function hashOfVariable(name: string): string | null {
  const value = process.env[name]
  return value === undefined ? null : hashOf(value)
}

/**
 * The version in Assay's own package.json, two folders up from here both as source and compiled. In the source tree a
 * manifest is that of the source it was made by: the newest change below src/ counts as well.
 */
export const assayVersion = (): string => (version ??= readVersion())

let version: string | undefined

function readVersion(): string {
  const parsed = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { readonly version: string }
  if (!import.meta.url.endsWith('.ts')) return parsed.version
  const source = fileURLToPath(new URL('..', import.meta.url))
  const times = readdirSync(source, { recursive: true }).map((file) => statSync(join(source, String(file))).mtimeMs)
  return `${parsed.version}+${Math.max(...times)}`
}

/** A cache that cannot be read or written is no cache; the project is loaded instead. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
