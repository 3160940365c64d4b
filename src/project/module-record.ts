import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { createRequire, registerHooks } from 'node:module'
import { dirname, relative, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { AssayError } from '../errors.ts'
import { type FileStamp, stampOf } from './manifest-cache.ts'

/** What was imported while the project loaded: the files of the project itself, and which of them imports which. */
export interface ModuleRecord {
  /** Files of the project with their content when they were loaded or asked for, in that order. */
  stamps(): readonly FileStamp[]
  /** Files of the project that a file of the project imports. */
  importsOf(file: string): readonly string[]
  /** Files that were looked up for a file by {@link ModuleRecord.resolve}, and were not imported by it while the project loaded. */
  lateImportsOf(file: string): readonly string[]
  /** Whether a file that was loaded names what all modules share: `globalThis`, `process`, or a prototype. */
  touchesWorld(file: string): boolean
  /**
   * Where an import of a file leads: a file of the project, or undefined for a package or a part of Node. A file that has
   * not been loaded, because it is imported when a compute runs, is stamped as it is now, or as missing.
   */
  resolve(file: string, specifier: string): string | undefined
  /** True for files that the user wrote: not in node_modules, and no part of Assay. */
  isOwn(file: string): boolean
  /** The file that was loaded last: a syntax error is in that one. */
  last(): string | undefined
  /** The import that led nowhere. */
  unresolved(): { readonly file: string; readonly specifier: string } | undefined
}

const ASSAY = dirname(import.meta.dirname) + sep
const NODE_MODULES = `${sep}node_modules${sep}`

/** Starts to record; must be called before the project is imported. @param root folder that paths of stamps are relative to */
export function recordModules(root: string): ModuleRecord {
  const stamps = new Map<string, FileStamp>()
  const targets = new Map<string, Map<string, string>>()
  const late = new Map<string, Map<string, string>>()
  const worldly = new Set<string>()
  let last: string | undefined
  let unresolved: ReturnType<ModuleRecord['unresolved']>
  registerHooks({
    resolve(specifier, context, next) {
      const parent = ownFile(context.parentURL)
      try {
        const resolved = next(specifier, context)
        const target = ownFile(resolved.url)
        if (parent !== undefined && target !== undefined) entryOf(targets, parent).set(specifier, target)
        return resolved
      } catch (error) {
        if (parent !== undefined) unresolved ??= { file: parent, specifier }
        throw error
      }
    },
    load(url, context, next) {
      const file = ownFile(url)
      if (file === undefined) return next(url, context)
      last = file
      const stat = statSync(file, { throwIfNoEntry: false })
      const loaded = next(url, context)
      if (loaded.source != null && WORLD.test(String(loaded.source))) worldly.add(file)
      if (stat && loaded.source != null)
        stamps.set(file, {
          path: relative(root, file),
          size: stat.size,
          mtimeMs: stat.mtimeMs,
          ino: stat.ino,
          sha256: sha256(loaded.source),
        })
      return loaded
    },
  })
  return {
    stamps: () => [...stamps.values()],
    importsOf: (file) => [...new Set(targets.get(file)?.values())],
    lateImportsOf: (file) => [...new Set(late.get(file)?.values())],
    touchesWorld: (file) => worldly.has(file),
    resolve(file, specifier) {
      const known = targets.get(file)?.get(specifier)
      const target = known ?? lookUp(file, specifier)
      if (target === undefined) return undefined
      if (known === undefined) entryOf(late, file).set(specifier, target)
      if (!stamps.has(target)) stamps.set(target, stampOf(root, relative(root, target)))
      return known !== undefined || existsSync(target) ? target : undefined
    },
    isOwn: isOwnFile,
    last: () => last,
    unresolved: () => unresolved,
  }
}

/**
 * From here on, a file of the project is imported only as it was when its manifest was made. One that the loader has not
 * seen, because its name is computed while a compute runs, passes.
 * @throws ASSAY-3012 from the import
 */
export function holdModules(root: string, sources: Readonly<Record<string, string | null>>): void {
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context)
      const file = ownFile(url)
      const path = file === undefined ? '' : relative(root, file)
      const known = sources[path]
      if (known === undefined || loaded.source == null || sha256(loaded.source) === known) return loaded
      throw new AssayError('ASSAY-3012', `${path} has changed since the run was planned`)
    },
  })
}

const WORLD = /\bglobalThis\b|\b(?:process|global)\s*[.[]|\.prototype\b/

const isOwnFile = (file: string): boolean => !file.startsWith(ASSAY) && !file.includes(NODE_MODULES)

function ownFile(url: string | undefined): string | undefined {
  if (url === undefined || !url.startsWith('file:')) return undefined
  const file = fileURLToPath(url.replace(/[?#].*$/, ''))
  return isOwnFile(file) ? file : undefined
}

/** The file that a relative specifier, or one of the package's own `imports`, leads to; it need not be there. */
function lookUp(file: string, specifier: string): string | undefined {
  try {
    if (/^(?:\.{0,2}\/|file:)/.test(specifier)) return ownFile(new URL(specifier, pathToFileURL(file)).href)
    return specifier.startsWith('#') ? ownFile(pathToFileURL(createRequire(file).resolve(specifier)).href) : undefined
  } catch {
    return undefined
  }
}

function entryOf(map: Map<string, Map<string, string>>, key: string): Map<string, string> {
  const known = map.get(key) ?? new Map<string, string>()
  map.set(key, known)
  return known
}

const sha256 = (source: string | NodeJS.TypedArray | ArrayBuffer): string =>
  createHash('sha256')
    .update(typeof source === 'string' ? source : new Uint8Array(source instanceof ArrayBuffer ? source : source.buffer, ...viewOf(source)))
    .digest('hex')

const viewOf = (source: NodeJS.TypedArray | ArrayBuffer): [number, number] =>
  source instanceof ArrayBuffer ? [0, source.byteLength] : [source.byteOffset, source.byteLength]
