import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Storage } from '../../src/storage/storage.ts'
import { openStorage, openStorageReader } from '../../src/storage/sqlite.ts'
import { created, ORDERS } from '../conformance/storage-events.ts'
import { startAppending } from './child.ts'
import { temporaryFolder } from './place.ts'

let folder = ''
beforeEach(async () => {
  folder = await temporaryFolder()
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = (at = folder): Storage => openStorage({ folder: at, clock: systemClock })
const codeOf = (action: () => unknown): unknown => {
  try {
    action()
    return undefined
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
}

describe('the lock', () => {
  test('a second process is refused and told who holds it; SIGKILL lets go of it', async () => {
    const child = await startAppending(folder, 'a')
    expect(codeOf(open)).toBe('ASSAY-3001')
    expect(open).toThrow(new RegExp(`in use by process ${child.process.pid} \\(append-child\\.ts .* a\\)`))
    await child.kill()
    const storage = open()
    expect(readFileSync(join(folder, 'lock.txt'), 'utf8')).toContain(`process ${process.pid} `)
    storage.close()
    expect(existsSync(join(folder, 'lock.txt'))).toBe(false)
  })

  test('a second opening in the same process is refused, and does not loosen the first', () => {
    const storage = open()
    expect(codeOf(open)).toBe('ASSAY-3001')
    expect(codeOf(open)).toBe('ASSAY-3001')
    storage.close()
    open().close()
  })

  test('a store that could not be opened is not left locked', () => {
    writeFileSync(join(folder, 'state.db'), 'no database, and long enough to be looked at')
    expect(codeOf(open)).toBe('ASSAY-3007')
    expect(codeOf(open)).toBe('ASSAY-3007')
  })
})

describe('a reader', () => {
  test('answers as an empty store where there is none, creates nothing, and sees the store once there is one', async () => {
    const reader = openStorageReader({ folder })
    expect(await reader.assetStates()).toEqual(new Map())
    expect(await reader.run('a')).toBeUndefined()
    expect(await reader.events({ limit: 9 })).toEqual([])
    expect(readdirSync(folder)).toEqual([])
    const storage = open()
    expect(await reader.runs(9)).toEqual([])
    await storage.append([created('a', [])])
    expect((await reader.runs(9)).map((run) => run.id)).toEqual(['a'])
    storage.close()
    reader.close()
  })

  test('works beside a writer in another process, and after its death', async () => {
    const child = await startAppending(folder, 'a')
    const reader = openStorageReader({ folder })
    await child.reached(50)
    const seen = (await reader.events({ limit: 1_000_000 })).length
    expect(seen).toBeGreaterThanOrEqual(50)
    await child.reached(child.acked.length + 50)
    expect((await reader.events({ limit: 1_000_000 })).length).toBeGreaterThanOrEqual(seen + 40)
    await child.kill()
    expect((await reader.events({ limit: 1_000_000 })).length).toBeGreaterThanOrEqual(child.acked.length)
    reader.close()
  })

  test('leaves no files behind once the writer is gone, and follows the next writer', async () => {
    const first = open()
    await first.append([created('a', [])])
    first.close()
    const files = readdirSync(folder)
    const reader = openStorageReader({ folder })
    expect((await reader.runs(9)).map((run) => run.id)).toEqual(['a'])
    expect(readdirSync(folder)).toEqual(files)
    const second = open()
    await second.append([created('b', [])])
    expect((await reader.runs(9)).map((run) => run.id)).toEqual(['b', 'a'])
    second.close()
    expect((await reader.runs(9)).map((run) => run.id)).toEqual(['b', 'a'])
    reader.close()
    expect((await openStorageReader({ folder }).runs(9)).length).toBe(2)
  })
})

describe('a store of the first version', () => {
  const first = readFileSync(new URL('../../src/storage/sql/0001-init.sql', import.meta.url), 'utf8')
  const made = {
    id: 'm1',
    asset: ORDERS,
    partitions: [[0, 3]],
    dataVersion: '7',
    codeVersion: 'c',
    inputs: {},
    snapshotId: '7',
    rows: 4,
    runId: 'r',
    stepId: 's1',
    at: 1,
  }
  const old = (): void => {
    const db = new DatabaseSync(join(folder, 'state.db'))
    db.exec(`${first}; pragma user_version = 1; pragma application_id = ${0x41535359}`)
    const event = db.prepare('insert into events (at, run_id, type, body) values (1, ?, ?, ?)')
    const add = (body: { readonly type: string }): void => void event.run('r', body.type, JSON.stringify({ runId: 'r', ...body }))
    add({ type: 'run.created', steps: [{ id: 's1', asset: ORDERS, partitions: [[0, 3]] }] } as never)
    add({
      type: 'step.publishing',
      stepId: 's1',
      intent: { runId: 'r', stepId: 's1', attempt: 1, tables: [], materialization: made, checks: [] },
    } as never)
    add({ type: 'step.succeeded', stepId: 's1', materialization: made, checks: [] } as never)
    db.exec(`insert into runs values (1, 'r', 'p', 'm', 'q', 'succeeded', 1, 2)`)
    db.prepare(`insert into steps values ('r', 's1', 0, ?, '[[0,3]]', 'succeeded', 1, 1, 2, null, null, 4, '[]')`).run(ORDERS)
    db.prepare('insert into materializations values (3, ?, ?, ?)').run('m1', ORDERS, JSON.stringify(made))
    db.prepare('insert into made values (?, 0, 3, ?)').run(ORDERS, 'm1')
    db.close()
  }

  test('is brought up to date by a writer, and until then refused by readers', async () => {
    old()
    expect(codeOf(() => openStorageReader({ folder }))).toBe('ASSAY-3007')
    const storage = open()
    expect(await storage.steps('r')).toMatchObject([{ assets: [ORDERS], rows: 4 }])
    expect(await storage.materializations({ limit: 9 })).toEqual([made])
    expect((await storage.assetStates()).get(ORDERS)?.made).toEqual([{ from: 0, to: 3, value: made }])
    expect(await storage.events({ limit: 9 })).toMatchObject([
      { steps: [{ id: 's1', assets: [ORDERS], partitions: [[0, 3]] }] },
      { intent: { materializations: [made] } },
      { materializations: [made], checks: [] },
    ])
    for (const event of await storage.events({ limit: 9 })) expect(event).not.toHaveProperty('materialization')
  })
})

describe('a file that cannot be used', () => {
  const openers: readonly (readonly [string, () => unknown])[] = [
    ['writer', () => open()],
    ['reader', () => openStorageReader({ folder })],
  ]

  test.each(openers)('no database: %s', (_, opener) => {
    writeFileSync(join(folder, 'state.db'), 'x'.repeat(8_192))
    expect(codeOf(opener)).toBe('ASSAY-3007')
    expect(readFileSync(join(folder, 'state.db'), 'utf8')).toBe('x'.repeat(8_192))
  })

  test.each(openers)('the database of something else is left as it is: %s', (_, opener) => {
    const other = new DatabaseSync(join(folder, 'state.db'))
    other.exec('create table theirs (x)')
    other.close()
    const bytes = readFileSync(join(folder, 'state.db'))
    expect(codeOf(opener)).toBe('ASSAY-3007')
    expect(readFileSync(join(folder, 'state.db')).equals(bytes)).toBe(true)
  })

  test.each(openers)('a store of a newer version: %s', (_, opener) => {
    open().close()
    const db = new DatabaseSync(join(folder, 'state.db'))
    db.exec('pragma user_version = 999')
    db.close()
    expect(codeOf(opener)).toBe('ASSAY-3007')
    expect(opener).toThrow(/newer version of Assay \(schema 999/)
  })

  test('a broken page is found when it is read, and is no crash', async () => {
    const storage = open()
    for (let i = 0; i < 200; i++) await storage.append([created(`run-${i}`, [{ id: 's1', assets: [ORDERS], partitions: [[0, 1]] }])])
    storage.close()
    const file = join(folder, 'state.db')
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.fill(0xff, 4_096))
    await expect((async () => openStorageReader({ folder }).events({ limit: 1_000 }))()).rejects.toMatchObject({ code: 'ASSAY-3007' })
  })

  test('a folder that cannot be made', () => {
    writeFileSync(join(folder, 'file'), '')
    expect(codeOf(() => open(join(folder, 'file', 'home')))).toBe('ASSAY-2001')
  })

  test.skipIf(process.getuid?.() === 0)('a folder that cannot be written (skipped for root, who can write anywhere)', () => {
    chmodSync(folder, 0o500)
    expect(codeOf(open)).toBe('ASSAY-2001')
    chmodSync(folder, 0o700)
  })

  test('a folder several levels down is made', () => {
    const deep = join(folder, 'a', 'b')
    open(deep).close()
    expect(existsSync(join(deep, 'state.db'))).toBe(true)
  })
})

const mounted = (at: string): boolean => spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', at]).status === 0

test('a full disk refuses what does not fit, keeps the rest, and goes on when there is room', async (context) => {
  const disk = join(folder, 'disk')
  mkdirSync(disk)
  if (!mounted(disk)) return context.skip('needs the right to mount a small file system')
  try {
    const storage = open(disk)
    const stored: string[] = []
    const fill = async (): Promise<unknown> => {
      for (let i = 0; ; i++) {
        try {
          await storage.append([{ ...created(`run-${i}`, []), request: 'x'.repeat(20_000) } as ReturnType<typeof created>])
          stored.push(`run-${i}`)
        } catch (error) {
          return error
        }
      }
    }
    expect(await fill()).toMatchObject({ code: 'ASSAY-2002' })
    expect((await storage.runs(1_000)).map((run) => run.id)).toEqual(stored.toReversed())
    spawnSync('mount', ['-o', 'remount,size=4m', disk])
    await storage.append([created('after', [])])
    expect((await storage.runs(1))[0]?.id).toBe('after')
    storage.close()
  } finally {
    spawnSync('umount', [disk])
  }
})
