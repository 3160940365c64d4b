import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it. Returns the topmost one that was made, undefined when all were there.
 * Node's own recursive form never returns where a file system answers "no such file" below an existing folder (/proc does).
 */
export function makeFolders(path: string): string | undefined {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there?.isDirectory()) return undefined
  // A file: the system's own error for it, which tells better than EEXIST what is wrong.
  if (there !== undefined) mkdirSync(`${path}/.`)
  const above = makeFolders(dirname(path))
  try {
    mkdirSync(path)
  } catch (error) {
    // Another process may have been faster.
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
  return above ?? path
}
