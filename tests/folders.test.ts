import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { makeFolders } from '../src/folders.ts'

const root = mkdtempSync(join(tmpdir(), 'assay-folders-'))
afterAll(() => rmSync(root, { recursive: true }))

describe('makeFolders', () => {
  it('makes what is missing, and says where it began', () => {
    expect(makeFolders(join(root, 'a/b/c'))).toBe(join(root, 'a'))
    expect(statSync(join(root, 'a/b/c')).isDirectory()).toBe(true)
    expect(makeFolders(join(root, 'a/b/c'))).toBeUndefined()
    expect(makeFolders(join(root, 'a/b/d'))).toBe(join(root, 'a/b/d'))
  })

  it('fails below a file', () => {
    writeFileSync(join(root, 'file'), '')
    expect(() => makeFolders(join(root, 'file/x'))).toThrow(/ENOTDIR/)
    expect(() => makeFolders(join(root, 'file'))).toThrow(/ENOTDIR/)
  })

  it.runIf(process.platform === 'linux')('fails, and ends, where the file system knows no new folders', () => {
    expect(() => makeFolders('/proc/nowhere/at/all')).toThrow(/ENOENT/)
  })
})
