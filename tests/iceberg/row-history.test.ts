import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WriteMode } from '../../src/iceberg/rewrite.ts'
import { historyFiles } from '../../src/iceberg/scd2.ts'
import { column, type Lab, openLab } from './lab.ts'
import { naiveRows } from './naive.ts'

const COLUMNS = [
  column('id', 'long'),
  column('city', 'string'),
  column('valid_from', 'date'),
  column('valid_to', 'date'),
  column('is_current', 'boolean'),
]
type Row = readonly [id: number, city: string | null]

/** History as a model keeps it: by id, the versions in their order. */
type History = Map<number, { city: string | null; from: string; to: string | null }[]>

function model(history: History, rows: readonly Row[], at: string, isComplete: boolean): void {
  for (const [id, versions] of history) {
    const last = versions.at(-1)
    if (isComplete && last?.to === null && !rows.some(([other]) => other === id)) last.to = at
  }
  for (const [id, city] of rows) {
    const versions = history.get(id) ?? []
    const last = versions.at(-1)
    history.set(id, versions)
    if (last?.to === null && last.city === city) continue
    if (last?.to === null) last.to = at
    versions.push({ city, from: at, to: null })
  }
}

const flat = (history: History) =>
  [...history].flatMap(([id, versions]) => versions.map(({ city, from, to }) => [id, city, from, to, to === null]))
const sorted = (rows: readonly (readonly unknown[])[]) => rows.map((row) => JSON.stringify(row)).toSorted()

describe('history', () => {
  let lab: Lab
  beforeAll(async () => {
    lab = await openLab()
  })
  afterAll(() => lab.close())
  const empty =
    'SELECT NULL::BIGINT AS id, NULL AS city, NULL::DATE AS valid_from, NULL::DATE AS valid_to, NULL::BOOLEAN AS is_current WHERE false'
  const begin = () => lab.put({ columns: COLUMNS, query: empty, overwrite: 'everything' })

  async function take(rows: readonly Row[], at: string, more: { isComplete?: boolean; mode?: WriteMode } = {}) {
    const base = await lab.load()
    const values = rows.map(([id, city]) => `(${id}, ${city === null ? 'NULL' : `'${city}'`})`)
    const source = rows.length === 0 ? "SELECT 1 AS id, '' AS city WHERE false" : `SELECT * FROM (VALUES ${values.join(', ')}) v(id, city)`
    const request = { ...lab.request(base), base: base.metadata, source, keys: ['id'], at }
    const staged = await historyFiles(
      { session: lab.session, store: lab.store },
      { ...request, isComplete: false, mode: 'copy-on-write', ...more },
    )
    if (staged.changes) await lab.commit(staged)
    return staged
  }
  const rows = async () =>
    (await naiveRows(lab, 'id, city, valid_from, valid_to, is_current')).map((r) => [
      Number(r['id']),
      r['city'],
      r['valid_from'],
      r['valid_to'],
      r['is_current'],
    ])

  it('closes what changed, opens what is new, and leaves the rest alone', async () => {
    await begin()
    await take(
      [
        [1, 'Delft'],
        [2, 'Breda'],
      ],
      '2026-01-01',
    )
    await take(
      [
        [1, 'Gouda'],
        [3, null],
      ],
      '2026-02-01',
    )
    expect(await rows()).toEqual([
      [1, 'Delft', '2026-01-01', '2026-02-01', false],
      [1, 'Gouda', '2026-02-01', null, true],
      [2, 'Breda', '2026-01-01', null, true],
      [3, null, '2026-02-01', null, true],
    ])
    await take(
      [
        [1, 'Gouda'],
        [3, null],
      ],
      '2026-03-01',
      { isComplete: true },
    )
    expect((await rows())[2]).toEqual([2, 'Breda', '2026-01-01', '2026-03-01', false])
    const again = await take(
      [
        [1, 'Gouda'],
        [3, null],
      ],
      '2026-04-01',
      { isComplete: true },
    )
    expect(again.changes).toBe(false)
  })

  it('refuses a source that is older than the table, and one with a key twice', async () => {
    await begin()
    await take([[1, 'Delft']], '2026-02-01')
    await expect(take([[1, 'Gouda']], '2026-01-01')).rejects.toMatchObject({ code: 'ASSAY-5007', message: expect.stringContaining('id 1') })
    await expect(
      take(
        [
          [1, 'a'],
          [1, 'b'],
        ],
        '2026-03-01',
      ),
    ).rejects.toMatchObject({ code: 'ASSAY-5007' })
  })

  it('is that of a model, and the same source again changes nothing', async () => {
    const source = fc.record({
      rows: fc.uniqueArray(fc.tuple(fc.nat(4), fc.constantFrom('x', 'y', null)), { selector: ([id]) => id, maxLength: 4 }),
      isComplete: fc.boolean(),
      mode: fc.constantFrom<WriteMode>('copy-on-write', 'merge-on-read'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(source, { minLength: 1, maxLength: 5 }), async (sources) => {
        await begin()
        const history: History = new Map()
        for (const [i, { rows: given, isComplete, mode }] of sources.entries()) {
          const at = `2026-01-0${i + 1}`
          model(history, given, at, isComplete)
          await take(given, at, { isComplete, mode })
          expect((await take(given, at, { isComplete, mode })).changes).toBe(false)
        }
        expect(sorted(await rows())).toEqual(sorted(flat(history)))
      }),
      { numRuns: 4 },
    )
  }, 90_000)
})
