import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appendForeign } from '../support/append-foreign.ts'
import { planLine } from '../../src/cli/plan-format.ts'
import { type Folder, openFolder } from './command-line.ts'

const PROJECT = `
import { asset, defineProject, duckdb, merge, sql, t, typescript } from 'assay'
export const events = asset('bronze.events', { schema: { user_id: t.int(), n: t.int(), kind: t.string(), note: t.string() } })
events.from({}, duckdb(() => sql\`select 1::int as user_id, 2::int as n, 'a' as kind, 'b' as note\`))
export const users = asset('silver.users', { schema: { id: t.int(), total: t.long() } })
users.from({ events }, duckdb(({ events: e }) => sql\`select \${e.user_id} as id, sum(\${e.n})::bigint as total from \${e} where \${e.kind} = 'a' group by all\`))
export const copies = asset('silver.copies', { schema: { kind: t.string() } })
copies.from({ events }, typescript(async function* ({ events }, row) { for await (const e of events.rows()) yield row({ kind: e.kind }) }))
export const kept = asset('silver.kept', { schema: { id: t.int() }, key: ['id'], write: merge() })
kept.from({}, duckdb(() => sql\`select 1::int as id\`))
export default defineProject({ name: 'shop', assets: { events, users, copies, kept } })
`

describe('what is to be expected of a plan', () => {
  let folder: Folder
  const planned = async (): Promise<string> => (await folder.tell(['plan'], 200)).stdout
  beforeAll(async () => {
    folder = await openFolder()
    await folder.write('package.json', '{ "type": "module" }')
    await folder.write('project.ts', PROJECT)
    expect(await planned()).not.toContain('takes about')
    expect((await folder.tell(['materialize'])).code).toBe(0)
  })
  afterAll(() => folder.remove())
  /** Holds what is printed against the documented format. */
  const printed = async (...args: readonly string[]) => planLine.parse(JSON.parse((await folder.tell(['plan', ...args, '--json'])).stdout))

  it('a renamed column is breaking, with those that read it and those that may', async () => {
    await folder.edit('project.ts', 'schema: { user_id: t.int(), n', "schema: { uid: t.int().renamedFrom('user_id'), n")
    await folder.edit('project.ts', 'as user_id', 'as uid')
    await folder.edit('project.ts', '${e.user_id} as id', '${e.uid} as id')
    const plan = await planned()
    expect(plan).toContain('columns of bronze.events: renames user_id to uid (breaking)')
    expect(plan).toContain('user_id is read by silver.users.id, silver.copies.kind')
    expect(plan).toMatch(/takes about \d+(\.\d)? m?s, going by earlier steps\n/)
    expect(plan).toContain('nothing destroyed')
    const outlook = await printed()
    expect(outlook.plan.id).toMatch(/^[0-9a-f]{12}$/)
    expect(outlook).toMatchObject({
      schemaChanges: [{ asset: 'bronze.events', column: 'uid', kind: 'renamed', from: 'user_id', breaking: true }],
      destroyed: [],
      estimate: { unknown: [], perStep: { 'bronze.events': expect.any(Number) } },
    })
  })

  it('a dropped one is breaking and destroys; widened and added ones are neither', async () => {
    await folder.write('project.ts', PROJECT)
    await folder.edit(
      'project.ts',
      'n: t.int(), kind: t.string(), note: t.string()',
      'n: t.long(), kind: t.string(), more: t.string().nullable()',
    )
    await folder.edit('project.ts', "'b' as note", 'null::varchar as more')
    const plan = await planned()
    expect(plan).toContain('columns of bronze.events: widens n from int to long, adds more, drops note (breaking)')
    expect(plan).toContain("if note became more: .renamedFrom('note') keeps its values")
    expect(plan).toContain('note is read by silver.copies.kind\n')
    expect(plan).toContain('1 column dropped')
    await folder.edit('project.ts', 'user_id: t.int(), n', 'user_id: t.int().nullable(), n')
    expect(await planned()).toContain('user_id may be null from now on (breaking)')
    expect((await printed()).schemaChanges.map(({ kind }) => kind)).toEqual(['nullable', 'widened', 'added', 'dropped'])
  })

  it('a change that the table cannot follow is told before it fails', async () => {
    await folder.write('project.ts', PROJECT)
    await folder.edit('project.ts', 'n: t.int(), kind', 'n: t.string(), kind')
    await folder.edit('project.ts', '2::int as n', "'2' as n")
    await folder.edit('project.ts', 'sum(${e.n})', 'sum(${e.n}::int)')
    expect(await planned()).toContain('cannot be done: bronze.events: column n cannot change from int to string (breaking)')
    expect((await printed()).schemaChanges).toMatchObject([{ kind: 'refused', column: 'n' }])
  })

  it('rows of others that a run would replace are named', async () => {
    await folder.write('project.ts', PROJECT)
    await appendForeign(join(folder.path, '.assay'), 'bronze.events', "select 9::int as user_id, 9::int as n, 'a' as kind, 'c' as note")
    expect(await planned()).toMatch(/reuse +bronze\.events/)
    await folder.edit('project.ts', '2::int as n', '3::int as n')
    const plan = await planned()
    expect(plan).toContain('rows of others replaced in 1 partition')
    expect((await printed('--force')).destroyed).toEqual([{ asset: 'bronze.events', kind: 'written by others', partitions: [[0, 1]] }])
    expect(plan).toContain('rows of bronze.events were written by others, and are replaced')
  })

  it('a run of which a part is blocked says so, and names are whole in a list', async () => {
    const days =
      "import { asset, daily, defineProject, duckdb, sql, t } from 'assay'\nconst days = daily({ start: '2026-01-01', end: '2026-01-03' })\n"
    const one = (name: string, key: string, deps: string): string =>
      `export const ${name} = asset('${key}', { partitions: days.on('day'), schema: { day: t.date() } })\n${name}.from(${deps}, duckdb((_, { partition }) => sql\`select \${partition.start}::date as day\`))\n`
    const long = 'gold.a_name_that_is_longer_than_most'
    const assets = `${one('first', 'bronze.first', '{}')}${one('second', long, '{ first }')}`
    await folder.write('project.ts', `${days}${assets}export default defineProject({ name: 'shop', assets: { first, second } })`)
    expect((await folder.tell(['materialize', 'bronze.first', '--partition', '2026-01-01'])).code).toBe(0)
    expect((await folder.tell(['plan', long], 200)).stdout).toMatch(/^1 to run, 0 reused, 1 blocked in part/)
    expect((await folder.tell(['ls'], 80)).stdout).toContain(long)
  })

  it('rows of others beside which rows are merged are not', async () => {
    await folder.write('project.ts', PROJECT)
    await appendForeign(join(folder.path, '.assay'), 'silver.kept', 'select 99::int as id')
    expect((await folder.tell(['plan', 'silver.kept', '--force'], 200)).stdout).toMatch(/^run +silver\.kept/m)
    expect((await printed('silver.kept', '--force')).destroyed).toEqual([])
    expect((await folder.tell(['materialize', 'silver.kept', '--force'])).code).toBe(0)
    expect((await folder.tell(['query', 'select id from silver.kept order by 1'], 200)).stdout).toMatch(/1\s+99/)
  })
})
