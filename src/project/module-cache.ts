import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type AssetDefinition, definitionOf } from '../assets/define-asset.ts'
import { isResource } from '../resources/resource.ts'
import { columnOf, columnSpecs } from '../schema/column.ts'
import type { Modules } from './code-reader.ts'
import type { LoadRequest } from './load.ts'
import { writeWhole } from './manifest.ts'
import type { ModuleRecord } from './module-record.ts'

/** What is remembered of a file of the project. Paths are relative to the root. */
export interface KnownModule {
  /** Files of the project that it imports. */
  readonly imports: readonly string[]
  /** Files that its computes import when they run. */
  readonly late: readonly string[]
  /**
   * The keys of the assets that it exports, by name, where it exports nothing else: what others can see of it is known
   * then without loading it. Null for any other file.
   */
  readonly assets: Readonly<Record<string, string>> | null
  /** Whether nobody can change what it exports. */
  readonly inert: boolean
}

export type KnownModules = ReadonlyMap<string, KnownModule>

interface CacheFile {
  /** The manifest that was made of them. */
  readonly id: string
  readonly modules: Readonly<Record<string, KnownModule>>
}

/** Looks at the files that were loaded. */
export function knowModules({ root }: LoadRequest, modules: Modules, record: ModuleRecord): KnownModules {
  const within = (files: readonly string[]): readonly string[] => files.map((file) => relative(root, file))
  const known = record.stamps().map(({ path }): [string, KnownModule] => {
    const file = join(root, path)
    const namespace = modules.namespace(file)
    const assets = record.touchesWorld(file) ? null : assetsIn(namespace)
    const inert = assets !== null || (!record.touchesWorld(file) && Object.values(namespace).every(isInert))
    return [path, { imports: within(record.importsOf(file)), late: within(record.lateImportsOf(file)), assets, inert }]
  })
  return new Map(known)
}

/** Null where there is nothing, or anything else. */
function assetsIn(namespace: Readonly<Record<string, unknown>>): KnownModule['assets'] {
  const entries = Object.entries(namespace).map(([name, value]) => [name, plainKey(definitionOf(value))] as const)
  const assets = entries.flatMap(([name, key]) => (key === undefined ? [] : [[name, String(key)] as const]))
  return assets.length === 0 || assets.length < entries.length ? null : Object.fromEntries(assets)
}

/** Of an asset that can be made again of plain data. */
const plainKey = (asset: AssetDefinition | undefined): string | undefined =>
  asset !== undefined && columnSpecs(asset.schema).every((column) => columnOf(column) !== undefined) ? asset.key : undefined

/** Primitives, and what Assay froze: assets, resources, partitions and columns. A function may hold anything. */
function isInert(value: unknown): boolean {
  if (typeof value === 'function') return false
  if (typeof value !== 'object' || value === null || definitionOf(value) !== undefined || isResource(value)) return true
  return Object.isFrozen(value) && (('dim' in value && 'spec' in value) || ('kind' in value && 'zod' in value))
}

/** Kept beside the manifest; a cache that cannot be written is no cache. */
export function rememberModules(request: LoadRequest, id: string, modules: KnownModules): void {
  try {
    writeWhole(cacheFile(request), JSON.stringify({ id, modules: Object.fromEntries(modules) } satisfies CacheFile))
  } catch {
    // Then the next change loads the whole project.
  }
}

/** Those of the load that made a manifest; undefined when they are not known. */
export function knownModules(request: LoadRequest, id: string): KnownModules | undefined {
  try {
    const read = JSON.parse(readFileSync(cacheFile(request), 'utf8')) as CacheFile
    return read.id === id ? new Map(Object.entries(read.modules)) : undefined
  } catch {
    return undefined
  }
}

const cacheFile = ({ home, root, projectFile }: LoadRequest): string =>
  join(home, 'modules', `${createHash('sha256').update(relative(root, projectFile)).digest('hex').slice(0, 16)}.json`)
