import { existsSync } from 'node:fs'
import { open, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AssayError } from '../../errors.ts'
import { makeFolders } from '../../folders.ts'
import type { Store, StoredFile } from '../store.ts'

/** Tables in folders of this machine. */
export const localStore = (): Store => ({
  normalise,
  read: async (path) => {
    const at = local(path)
    try {
      return await readFile(at)
    } catch (error) {
      throw new AssayError('ASSAY-2005', `${at} cannot be read: ${reasonOf(error)}`, { cause: error })
    }
  },
  write: (path, bytes) => writing(local(path), (at) => writeFile(at, bytes)),
  makeFolder: (path) => writing(local(path), makeFolder),
  sync: (paths, root) => writing(local(root), (at) => syncAll(paths.map(local), at)),
  list: (folder) => list(local(folder)),
  exists: async (path) => (await stat(local(path)).catch(() => undefined)) !== undefined,
  remove: (path) => writing(local(path), (at) => rm(at, { recursive: true, force: true })),
})

/**
 * `file:/x`, `file://x` and `file:///x` are `/x`. Iceberg's engines write names as they are, so `%2F` stands for itself
 * where such a file exists; else it is an escape, as a URL library would have written it.
 */
function normalise(path: string): string {
  if (!/^file:/i.test(path)) return /^[a-z][a-z0-9+.-]+:\/\//i.test(path) ? path : resolve(path)
  const plain = resolve(path.replace(/^file:(\/\/(localhost)?(?=\/))?/i, ''))
  if (!plain.includes('%') || existsSync(plain)) return plain
  const unescaped = unescapedPath(plain)
  return existsSync(unescaped) ? unescaped : plain
}

function unescapedPath(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** @throws ASSAY-2004 for a place that is not on this machine */
export function local(path: string): string {
  const at = normalise(path)
  if (at.startsWith('/') || /^[A-Za-z]:\\/.test(at)) return at
  throw new AssayError('ASSAY-2004', `${path} is not on this machine; Assay reads local files`)
}

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '')

const reasonOf = (error: unknown): string =>
  codeOf(error) === 'ENOENT' ? 'there is no such file' : error instanceof Error ? error.message : String(error)

/** @throws ASSAY-2001, ASSAY-2002 in place of what the file system says */
export async function writing<T>(path: string, action: (path: string) => Promise<T>): Promise<T> {
  try {
    return await action(path)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOSPC' || code === 'EDQUOT') throw new AssayError('ASSAY-2002', `No space is left to write ${path}`, { cause: error })
    if (code === '') throw error
    throw new AssayError('ASSAY-2001', `${path} cannot be written: ${reasonOf(error)}`, { cause: error })
  }
}

async function writeFile(path: string, bytes: Uint8Array): Promise<void> {
  const folder = dirname(path)
  await makeFolder(folder)
  const file = await open(path, 'wx')
  try {
    await file.writeFile(bytes)
    await Promise.all([file.sync(), sync(folder)])
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

/** A folder is on disk for good when the one that names it is synced, and so on up to one that was there before. */
async function makeFolder(path: string): Promise<void> {
  const first = makeFolders(path)
  if (first === undefined) return
  const above: string[] = []
  for (let at = path; at.length >= first.length; at = dirname(at)) above.push(dirname(at))
  await Promise.all(above.map(sync))
}

/** All at once: the disk then writes them in one go. */
async function syncAll(paths: readonly string[], root: string): Promise<void> {
  const folders = new Set([root])
  for (const path of paths) {
    for (let at = dirname(path); at.length > root.length; at = dirname(at)) folders.add(at)
  }
  await Promise.all([...paths, ...folders].map(sync))
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Files that go while they are listed are left out. */
async function list(folder: string): Promise<readonly StoredFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  })
  const files: StoredFile[] = []
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const found = await stat(path).catch(() => undefined)
    if (found !== undefined) files.push({ path, size: found.size, modified: found.mtimeMs })
  }
  return files
}
