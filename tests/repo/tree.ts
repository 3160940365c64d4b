import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

export const ROOT = resolve(import.meta.dirname, '../..')

const NOT_OURS = new Set(['node_modules', '.git', '.engines', '.assay', 'dist', 'data'])

/** Files below a folder of the repository, as paths from its root, without what is installed, built or made by running. */
export function filesBelow(folder: string, suffix: string): readonly string[] {
  const entries = existsSync(join(ROOT, folder)) ? readdirSync(join(ROOT, folder), { withFileTypes: true }) : []
  return entries.flatMap((entry) => {
    const path = relative(ROOT, join(ROOT, folder, entry.name))
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : filesBelow(path, suffix)
    return entry.isFile() && path.endsWith(suffix) ? [path] : []
  })
}

export const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
