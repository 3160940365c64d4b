import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Folder, jsonLines, openFolder } from './command-line.ts'

const PROJECT = `
import { all, asset, daily, defineProject, duckdb, sql, t } from 'assay'
const days = daily({ start: '2026-01-01', end: '2026-01-04' })
export const numbers = asset('bronze.numbers', { partitions: days.on('day'), schema: { day: t.date(), n: t.int() }, checks: (c) => [c.n.between(0, 5)] })
numbers.from({}, duckdb((_, { partition }) => sql\`select \${partition.start} as day, 3::int as n\`))
export const sum = asset('silver.sum', { schema: { n: t.long() } })
sum.from({ numbers: all(numbers) }, duckdb(({ numbers: x }) => sql\`select sum(\${x.n})::bigint as n from \${x}\`))
export const twice = asset('gold.twice', { schema: { n: t.long() } })
twice.from({ sum }, duckdb(({ sum: x }) => sql\`select (\${x.n} * 2)::bigint as n from \${x}\`))
export default defineProject({ name: 'shop', assets: { numbers, sum, twice } })
`

describe('assay why', () => {
  let folder: Folder
  /** On one line, runs and versions without their ids. */
  const why = async (...args: readonly string[]): Promise<string> =>
    (await folder.tell(['why', ...args], 400)).stdout
      .replaceAll(/ +/g, ' ')
      .replaceAll(/\n /g, ' | ')
      .replaceAll(/\b\d{11,16}\b/g, '<snapshot>')
      .replaceAll(/\b(?=[0-9a-z]*\d)[0-9a-z]{16}\b/g, '<id>')
      .replaceAll(/\b\d{7}…/g, '<version>')
      .replaceAll(/\b[0-9a-f]{7}…/g, '<code>')
      .replaceAll('just now', 'now')
      .trim()
  const run = async (...args: readonly string[]): Promise<number> => (await folder.tell(['materialize', ...args])).code ?? -1
  beforeAll(async () => {
    folder = await openFolder()
    await folder.write('package.json', '{ "type": "module" }')
    await folder.write('project.ts', PROJECT)
  })
  afterAll(() => folder.remove())

  it('says what was never made, and what it needs from the top', async () => {
    expect(await why('gold.twice')).toBe(
      'gold.twice: missing | gold.twice was never made' +
        ' | upstream bronze.numbers → silver.sum → gold.twice: bronze.numbers 2026-01-01..2026-01-03 is not fresh' +
        ' | bronze.numbers 2026-01-01..2026-01-03 was never made' +
        ' | upstream silver.sum → gold.twice: silver.sum is not fresh | silver.sum was never made\nnext: assay materialize +gold.twice',
    )
  })

  it('says of what is fresh what made it', async () => {
    expect(await run()).toBe(0)
    expect(await why('gold.twice')).toBe(
      'gold.twice: fresh | it was made from the current versions of silver.sum and by the current code, last by run <id>, now',
    )
  })

  it('leads from what is outdated to the changed code and the failed check at the root', async () => {
    await folder.edit('project.ts', '3::int as n', '(case when day(${partition.start}) = 2 then 9 else 4 end)::int as n')
    expect(await run()).toBe(1)
    const lines = await why('gold.twice')
    expect(lines).toMatch(
      /^gold\.twice: outdated \| upstream bronze\.numbers → silver\.sum → gold\.twice: bronze\.numbers 2026-01-02 is not fresh/,
    )
    expect(lines).toContain('| 2026-01-02 code changed <code> → <code>, see project.ts:4 (made by run <id>, now)')
    expect(lines).toContain(
      'last attempt of bronze.numbers 2026-01-02 blocked: ASSAY-5001 bronze.numbers: check n.between failed; n.between: 1 of 1 row does not hold, now (assay logs <id>',
    )
    expect(lines).toContain('silver.sum is not fresh | input bronze.numbers moved in 2 partitions (made by run <id>, now)')
    expect(lines).toContain('| bronze.numbers 2026-01-01 became <version> by run <id>, now, because its code changed')
    expect(lines).toMatch(/next: mend bronze\.numbers, then: assay retry <id>$/)
    const [json] = jsonLines((await folder.tell(['why', 'gold.twice', '--json'])).stdout)
    expect(json).toMatchObject({
      status: 'outdated',
      reasons: [{ kind: 'upstream', path: ['bronze.numbers', 'silver.sum', 'gold.twice'] }, {}],
    })
  })

  it('says that a rollback took back what was made, and what it was', async () => {
    await folder.edit('project.ts', '= 2 then 9', '= 2 then 5')
    expect(await run()).toBe(0)
    const snapshots = jsonLines((await folder.tell(['show', 'bronze.numbers', '--json'])).stdout)[0]?.['snapshots'] as readonly {
      id: string
    }[]
    expect((await folder.tell(['rollback', 'bronze.numbers', '--to', snapshots[1]?.id ?? '', '--yes'])).code).toBe(0)
    expect(await why('bronze.numbers', '2026-01-02')).toBe(
      'bronze.numbers (2026-01-02): missing | bronze.numbers 2026-01-02 was made by run <id>, now, and taken back:' +
        ' its table was moved back to snapshot <snapshot>, now\nnext: assay materialize +bronze.numbers',
    )
    expect(await why('silver.sum')).toContain('| input bronze.numbers moved')
  })
})
