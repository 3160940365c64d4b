import { createHash, randomUUID } from 'node:crypto'
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { AssetSpec } from '../assets/spec.ts'
import type { AssetKey } from '../keys.ts'
import { decodeManifest, encodeManifest } from './manifest-file.ts'

/** The project as data, named by its content. CLI, plan and store read this and nothing else. */
export interface Manifest {
  readonly formatVersion: 1
  readonly name: string
  /** The project file, relative to the root. */
  readonly file: string
  /** Names of the profiles beside `local`. */
  readonly profiles: readonly string[]
  /** SHA-256 of its files, by path relative to the root; null for one that was not there. Workers run these and no others. */
  readonly sources: Readonly<Record<string, string | null>>
  /** Upstream before downstream; otherwise by key. */
  readonly assets: readonly AssetSpec[]
}

/** A manifest with its id and an index. */
export interface LoadedManifest {
  readonly id: string
  readonly manifest: Manifest
  readonly asset: (key: string) => AssetSpec | undefined
  /** Direct readers of an asset. */
  readonly readers: (key: AssetKey) => readonly AssetSpec[]
}

/** Where the manifest of this id lies. */
export const manifestFile = (home: string, id: string): string => join(home, 'manifests', `${id}.ndjson`)

/**
 * Writes a manifest under the hash of its content and returns its id: 16 hexadecimal digits. Equal manifests are one
 * file, so runs that pin an id keep reading what they were planned on.
 */
export function writeManifest(home: string, manifest: Manifest): string {
  // The one place that makes specs gives their keys an order; to sort the keys of ten thousand takes longer than all else here.
  const pieces = encodeManifest(manifest)
  const hash = createHash('sha256')
  for (const piece of pieces) hash.update(piece)
  const id = hash.digest('hex').slice(0, 16)
  writeWhole(manifestFile(home, id), pieces)
  return id
}

/** Reads a manifest file; its name is its id. @throws when it is not there or is no manifest. */
export function readManifest(file: string): LoadedManifest {
  return indexManifest(basename(file, '.ndjson'), decodeManifest(file) as Manifest)
}

/** A manifest with its id and look-ups by key. */
export function indexManifest(id: string, manifest: Manifest): LoadedManifest {
  const byKey = new Map<string, AssetSpec>(manifest.assets.map((spec) => [spec.key, spec]))
  const readers = new Map<string, AssetSpec[]>()
  for (const spec of manifest.assets) {
    for (const source of new Set(spec.deps.map((dep) => dep.asset))) {
      const list = readers.get(source)
      if (list) list.push(spec)
      else readers.set(source, [spec])
    }
  }
  return { id, manifest, asset: (key) => byKey.get(key), readers: (key) => readers.get(key) ?? [] }
}

/** Writes a file that readers see whole or not at all. */
export function writeWhole(file: string, content: string | readonly Uint8Array[]): void {
  mkdirSync(dirname(file), { recursive: true })
  const half = `${file}.${randomUUID()}.tmp`
  if (typeof content === 'string') writeFileSync(half, content)
  else writePieces(half, content)
  renameSync(half, file)
}

/** Bytes that are worth a call of their own. */
const CHUNK = 2 ** 18

function writePieces(file: string, pieces: readonly Uint8Array[]): void {
  const descriptor = openSync(file, 'wx')
  let waiting: Uint8Array[] = []
  let bytes = 0
  const flush = (): void => {
    if (bytes > 0) writeFileSync(descriptor, waiting.length === 1 && waiting[0] !== undefined ? waiting[0] : Buffer.concat(waiting))
    waiting = []
    bytes = 0
  }
  try {
    for (const piece of pieces) {
      if (piece.length >= CHUNK || bytes >= CHUNK) flush()
      waiting.push(piece)
      bytes += piece.length
    }
    flush()
  } finally {
    closeSync(descriptor)
  }
}

/** JSON whose text depends on the content alone: object keys are sorted. For plain data, as JSON.stringify with a replacer takes five times as long. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  const of = value as Readonly<Record<string, unknown>>
  const names = Object.keys(of)
  if (names.length > 1) names.sort()
  let text = ''
  for (const name of names)
    if (of[name] !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${canonicalJson(of[name])}`
  return `{${text}}`
}
