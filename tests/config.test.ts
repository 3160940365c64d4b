import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSettings, type Settings } from '../src/config.ts'

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'assay-config-'))
  writeFileSync(join(cwd, 'project.ts'), '')
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))
const read = (env: NodeJS.ProcessEnv): Settings => readSettings({ cwd, env })

describe('ASSAY_CATALOG', () => {
  it('is a file in the home by default', () => {
    expect(read({ ASSAY_HOME: 'state' }).catalog).toEqual({ kind: 'sqlite', file: join(cwd, 'state/catalog.db') })
  })

  it('names a SQLite file, from the working directory, or a PostgreSQL database', () => {
    expect(read({ ASSAY_CATALOG: 'team/c.db' }).catalog).toEqual({ kind: 'sqlite', file: join(cwd, 'team/c.db') })
    expect(read({ ASSAY_CATALOG: 'postgres://u:p@h:1/d' }).catalog).toEqual({ kind: 'postgres', uri: 'postgres://u:p@h:1/d' })
    expect(read({ ASSAY_CATALOG: 'postgresql://h/d' }).catalog).toEqual({ kind: 'postgres', uri: 'postgresql://h/d' })
  })

  it.each(['mysql://u:secret@h/d', 'postgres://u:secret@h:notaport/d'])('refuses %s without repeating the password', (uri) => {
    let error: unknown
    try {
      read({ ASSAY_CATALOG: uri })
    } catch (caught) {
      error = caught
    }
    expect(error).toMatchObject({ code: 'ASSAY-1017' })
    expect(String(error)).not.toContain('secret')
  })
})
