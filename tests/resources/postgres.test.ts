import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { withoutPassword } from '../../src/resources/postgres.ts'

it.each([
  ['postgres://me:secret@db.example:5433/lake', 'postgres://me@db.example:5433/lake'],
  ['postgresql://db/lake?user=me&password=secret', 'postgresql://db/lake'],
  ['postgres://:secret@db/lake', 'postgres://db/lake'],
  ['postgres://', 'postgres://'],
])('%s is called %s', (uri, name) => {
  expect(withoutPassword(uri)).toBe(name)
})

it('says what to install where the package pg is absent', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-without-pg-'))
  try {
    // Away from node_modules, so that no package is found.
    cpSync(resolve(import.meta.dirname, '../../src'), join(folder, 'src'), { recursive: true })
    writeFileSync(
      join(folder, 'ask.ts'),
      `import { openPostgres } from './src/resources/postgres.ts'
       await openPostgres('postgres://me:secret@db/lake').columns('t').catch(({ code, message, next }) => console.log(JSON.stringify({ code, message, next })))`,
    )
    const said = execFileSync(process.execPath, ['--no-warnings', join(folder, 'ask.ts')], { encoding: 'utf8' })
    expect(JSON.parse(said)).toEqual({
      code: 'ASSAY-2010',
      message: 'postgres://me@db/lake needs the package pg, which is not installed',
      next: 'Run `npm install pg`.',
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})
