import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { changeHistoryFiles } from '../../src/iceberg/change-history.ts'
import { mergeFiles } from '../../src/iceberg/merge.ts'
import type { WriteMode } from '../../src/iceberg/rewrite.ts'
import { column, type Lab, openLab } from './lab.ts'
import { naiveRows } from './naive.ts'

const COLUMNS = [
  column('id', 'long'),
  column('city', 'string'),
  column('valid_from', 'timestamptz'),
  column('valid_to', 'timestamptz'),
  column('is_current', 'boolean'),
]
const MODES: readonly WriteMode[] = ['copy-on-write', 'merge-on-read']

/** A change of a thing at a time, counted in hours; `gone` where it ends. */
interface Change {
  readonly id: number
  readonly at: number
  readonly city: string | null
  readonly gone: boolean
}

const hour = (at: number): string => `2026-01-01 ${String(at).padStart(2, '0')}:00:00+00`

/**
 * What a history amounts to, kept as each thing's changes in their order. An end counts only where something is there to
 * end, as a table of versions has no other way to hold it.
 */
class NaiveHistory {
  readonly #things = new Map<number, Change[]>()

  take(batch: readonly Change[]): void {
    for (const id of new Set(batch.map((change) => change.id))) {
      const own = batch.filter((change) => change.id === id)
      const before = (this.#things.get(id) ?? []).filter((old) => !own.some((change) => change.at === old.at))
      const sorted = [...before, ...own].sort((a, b) => a.at - b.at)
      this.#things.set(
        id,
        sorted.filter((change, i) => !change.gone || (i > 0 && !sorted[i - 1]?.gone)),
      )
    }
  }

  rows(): readonly (readonly unknown[])[] {
    return [...this.#things.values()].flatMap((changes) =>
      changes.flatMap(({ id, at, city, gone }, i) => {
        const end = changes[i + 1]?.at
        return gone ? [] : [[id, city, hour(at), end === undefined ? null : hour(end), end === undefined]]
      }),
    )
  }
}

const sorted = (rows: readonly (readonly unknown[])[]): readonly string[] => rows.map((row) => JSON.stringify(row)).toSorted()
const text = (value: string | null): string => (value === null ? 'NULL' : `'${value}'`)

describe('changes with their times', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  const begin = () =>
    lab.put({
      columns: COLUMNS,
      query:
        'SELECT NULL::BIGINT AS id, NULL AS city, NULL::TIMESTAMPTZ AS valid_from, NULL::TIMESTAMPTZ AS valid_to, NULL::BOOLEAN AS is_current WHERE false',
      overwrite: 'everything',
    })

  async function take(batch: readonly Change[], mode: WriteMode = 'copy-on-write') {
    const base = await lab.load()
    const values = batch.map(({ id, at, city, gone }) => `(${id}, TIMESTAMPTZ '${hour(at)}', ${text(city)}, ${gone})`)
    const none = "SELECT 1 AS id, TIMESTAMPTZ '2026-01-01 00:00:00+00' AS valid_from, '' AS city, false AS gone WHERE false"
    const source = values.length === 0 ? none : `SELECT * FROM (VALUES ${values.join(', ')}) v(id, valid_from, city, gone)`
    const request = { ...lab.request(base), base: base.metadata, source, keys: ['id'], deleteFlag: 'gone', mode }
    const staged = await changeHistoryFiles({ session: lab.session, store: lab.store }, request)
    if (staged.changes) await lab.commit(staged)
    return staged
  }
  const rows = async () => {
    const found = await naiveRows(lab, 'id, city, valid_from::VARCHAR AS valid_from, valid_to::VARCHAR AS valid_to, is_current', 'ALL')
    return found.map((r) => [Number(r['id']), r['city'], r['valid_from'], r['valid_to'], r['is_current']])
  }

  it('a late change takes its place between those that are there, and an end closes', async () => {
    await begin()
    const change = (at: number, city: string | null, gone = false): Change => ({ id: 1, at, city, gone })
    expect((await take([change(1, 'Delft'), change(9, null, true)])).versions).toBe(1)
    expect((await take([change(5, 'Gouda')])).versions).toBe(2)
    expect(await rows()).toEqual([
      [1, 'Delft', hour(1), hour(5), false],
      [1, 'Gouda', hour(5), hour(9), false],
    ])
    await take([change(12, 'Breda')])
    expect((await rows()).at(0)).toEqual([1, 'Breda', hour(12), null, true])
    expect(await take([change(5, 'Gouda'), change(5, 'Gouda')])).toMatchObject({ changes: false, versions: 0 })
    await expect(take([change(5, 'Gouda'), change(5, 'Delft')])).rejects.toMatchObject({ code: 'ASSAY-5007' })
  })

  it('is that of a model, whatever comes in whatever order, and the same again changes nothing', async () => {
    const change = fc.record({ id: fc.nat(2), at: fc.nat(9), city: fc.constantFrom('x', 'y', null), gone: fc.boolean() })
    const batch = fc.uniqueArray(change, { selector: ({ id, at }) => `${id} ${at}`, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(batch, fc.constantFrom(...MODES)), { minLength: 1, maxLength: 5 }), async (batches) => {
        await begin()
        const naive = new NaiveHistory()
        for (const [given, mode] of batches) {
          naive.take(given)
          await take(given, mode)
          expect(sorted(await rows())).toEqual(sorted(naive.rows()))
          expect((await take(given, mode)).changes).toBe(false)
        }
      }),
      { numRuns: 5 },
    )
  }, 60_000)
})

/** A row of a key, with the number by which the latest counts. */
interface Upsert {
  readonly id: number
  readonly n: number
  readonly v: string | null
  readonly gone: boolean
}

describe('merging by the latest', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  const columns = [column('id', 'long'), column('n', 'long'), column('v', 'string')]
  const begin = () =>
    lab.put({ columns, query: 'SELECT NULL::BIGINT AS id, NULL::BIGINT AS n, NULL AS v WHERE false', overwrite: 'everything' })
  async function take(batch: readonly Upsert[], mode: WriteMode) {
    const base = await lab.load()
    const values = batch.map(({ id, n, v, gone }) => `(${id}, ${n}, ${text(v)}, ${gone})`)
    const source =
      values.length === 0
        ? "SELECT 1 AS id, 1 AS n, '' AS v, false AS gone WHERE false"
        : `SELECT * FROM (VALUES ${values.join(', ')}) x(id, n, v, gone)`
    const request = { ...lab.request(base), base: base.metadata, source, keys: ['id'], deleteFlag: 'gone', latestBy: 'n', mode }
    const staged = await mergeFiles({ session: lab.session, store: lab.store }, request)
    if (staged.changes) await lab.commit(staged)
    return staged
  }
  const rows = async () => (await naiveRows(lab, 'id, n, v')).map((r) => [Number(r['id']), Number(r['n']), r['v']])

  it('is that of a map, and the same again changes nothing', async () => {
    const upsert = fc.record({ id: fc.nat(3), n: fc.nat(6), v: fc.constantFrom('x', 'y', null), gone: fc.boolean() })
    const batch = fc.uniqueArray(upsert, { selector: ({ id, n }) => `${id} ${n}`, maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(batch, fc.constantFrom(...MODES)), { minLength: 1, maxLength: 5 }), async (batches) => {
        await begin()
        const naive = new Map<number, Upsert>()
        for (const [given, mode] of batches) {
          for (const id of new Set(given.map((row) => row.id))) {
            const [last] = given.filter((row) => row.id === id).sort((a, b) => b.n - a.n)
            if (last === undefined || last.n < (naive.get(id)?.n ?? 0)) continue
            if (last.gone) naive.delete(id)
            else naive.set(id, last)
          }
          await take(given, mode)
          expect(await rows()).toEqual([...naive.values()].sort((a, b) => a.id - b.id).map(({ id, n, v }) => [id, n, v]))
        }
        // What a row that is gone was cannot be known again, so the last batch alone is merged anew.
        expect(
          (
            await take(
              (batches.at(-1)?.[0] ?? []).filter((row) => !row.gone && naive.get(row.id) === row),
              'merge-on-read',
            )
          ).changes,
        ).toBe(false)
      }),
      { numRuns: 5 },
    )
  }, 60_000)
})
