import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs'
import { join, relative } from 'node:path'
import type { Clock } from '../clock.ts'

/** Editors write a file in several steps, and formatters touch many at once. Milliseconds. */
const QUIET = 50

export interface WatchOptions {
  readonly root: string
  /** Folders that are not looked into, absolute: where Assay itself writes. */
  readonly ignored: readonly string[]
  readonly clock: Clock
}

/**
 * Calls back with the files below a folder that changed, relative to it, once they are quiet for a moment. Folders named
 * `node_modules` or with a dot in front are left out: `fs.watch` by itself would walk through all of them.
 * @returns what ends it
 */
export function watchFiles({ root, ignored, clock }: WatchOptions, onChange: (files: readonly string[]) => void): () => void {
  const watchers = new Map<string, FSWatcher>()
  const changed = new Set<string>()
  let ended = false
  const tell = async (): Promise<void> => {
    await clock.sleep(QUIET)
    if (ended) return
    add(root)
    // Editors write beside the file first, and rename.
    const files = [...changed].filter((file) => existsSync(join(root, file))).sort()
    changed.clear()
    onChange(files)
  }
  const add = (folder: string): void => {
    for (const each of [folder, ...subfolders(folder, ignored)]) {
      if (watchers.has(each)) continue
      const watcher = watch(each, (_, name) => {
        if (name === null || name.startsWith('.') || ignored.includes(join(each, name))) return
        if (changed.size === 0) void tell()
        changed.add(relative(root, join(each, name)))
      })
      // A folder that is removed.
      watcher.on('error', () => watchers.delete(each))
      watchers.set(each, watcher)
    }
  }
  add(root)
  return () => {
    ended = true
    for (const watcher of watchers.values()) watcher.close()
  }
}

function subfolders(folder: string, ignored: readonly string[]): readonly string[] {
  const entries = readdirSync(folder, { withFileTypes: true })
  const own = entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.') && entry.name !== 'node_modules')
    .map((entry) => join(folder, entry.name))
    .filter((path) => !ignored.includes(path))
  return own.flatMap((path) => [path, ...subfolders(path, ignored)])
}
