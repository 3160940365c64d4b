import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cherryPick } from '../../src/iceberg/cherry-pick.ts'
import { commitMetadata } from '../../src/iceberg/commit-metadata.ts'
import { schemaOf, type TableMetadata } from '../../src/iceberg/metadata.ts'
import { createRef, fastForward } from '../../src/iceberg/refs.ts'
import { snapshotAt } from '../../src/iceberg/snapshot-at.ts'
import type { IcebergSchema } from '../../src/schema/iceberg-type.ts'
import { column, type Lab, openLab, TABLE } from './lab.ts'

const BEFORE = [column('id', 'long'), column('city', 'string'), column('gone', 'int')]
const AFTER = [column('id', 'long'), { ...column('town', 'string'), renamedFrom: 'city' }, column('zip', 'int')]

/** What another engine makes of a schema of the table, and gives the table. */
function columnMore({ schemas, lastColumnId }: TableMetadata, schema: IcebergSchema): Partial<TableMetadata> {
  const theirs = { id: lastColumnId + 1, name: 'theirs', required: false, type: 'string' } as const
  const more = { ...schema, 'schema-id': 9, fields: [...schema.fields, theirs] }
  return { schemas: [...schemas, more], currentSchemaId: 9, lastColumnId: lastColumnId + 1 }
}

describe('a schema that a branch brings', () => {
  let lab: Lab
  let now = 2_000_000_000_000
  beforeEach(async () => {
    lab = await openLab()
    await lab.put({ columns: BEFORE, query: `SELECT 1 AS id, 'Oslo' AS city, 7 AS gone` })
    await change((metadata) => createRef(metadata, { name: 'audit', type: 'branch' }, ++now))
    await lab.put({ columns: AFTER, query: `SELECT 2 AS id, 'Bonn' AS town, 53 AS zip`, branch: 'audit' })
  })
  afterEach(() => lab.close())

  const change = (pure: Parameters<typeof commitMetadata>[2]) => commitMetadata(lab, TABLE, pure)
  const head = async () => snapshotAt((await lab.load()).metadata, { ref: 'audit' }).id
  const publish = async () => {
    const id = await head()
    return change((metadata) => fastForward(metadata, 'main', id, ++now))
  }
  const OLD = [{ id: 1n, city: 'Oslo', gone: 7 }]
  const NEW = [
    { id: 1n, town: 'Oslo', zip: null },
    { id: 2n, town: 'Bonn', zip: 53 },
  ]

  it('is that of the branch alone, until main is moved to it', async () => {
    expect(await lab.read()).toEqual(OLD)
    expect(await lab.read(await head())).toEqual(NEW)
    await publish()
    expect(await lab.read()).toEqual(NEW)
  })

  it('is gone on with by what is staged next, and kept by what others append to main', async () => {
    await lab.put({ columns: AFTER, query: `SELECT 3 AS id, 'Rome' AS town, 1 AS zip`, branch: 'audit' })
    await lab.put({ columns: BEFORE, query: `SELECT 4 AS id, 'Bern' AS city, 8 AS gone` })
    expect(await lab.read()).toEqual([...OLD, { id: 4n, city: 'Bern', gone: 8 }])
    expect(await lab.read(await head())).toEqual([...NEW, { id: 3n, town: 'Rome', zip: 1 }])
    expect((await lab.load()).metadata.schemas).toHaveLength(2)
  })

  it('may divide its rows by a column of its own, and other writers go on as before', async () => {
    const columns = [...AFTER, column('day', 'date')]
    const query = `SELECT 3 AS id, 'Rome' AS town, 1 AS zip, DATE '2024-02-29' AS day`
    await lab.put({ columns, query, by: [{ column: 'day', transform: 'month' }], branch: 'audit' })
    const { specs, defaultSpecId } = (await lab.load()).metadata
    expect(specs).toHaveLength(2)
    expect(specs.find((spec) => spec['spec-id'] === defaultSpecId)?.fields).toEqual([])
    expect(await lab.read(await head(), 'id')).toHaveLength(3)
  })

  it('comes to main with a cherry-pick of the snapshot right on top of it', async () => {
    await cherryPick(lab, { id: TABLE, snapshotId: await head(), newId: '999', now: ++now })
    expect(await lab.read()).toEqual(NEW)
  })

  it('is refused where others changed the schema of main since', async () => {
    await lab.alter((metadata) => columnMore(metadata, schemaOf(metadata)))
    await expect(publish()).rejects.toMatchObject({ code: 'ASSAY-2031', message: expect.stringContaining('have another schema') })
    expect(schemaOf((await lab.load()).metadata).fields.map((field) => field.name)).toEqual(['id', 'city', 'gone', 'theirs'])
  })
})

describe('columns that a branch adds or drops', () => {
  let lab: Lab
  let now = 2_000_000_000_000
  beforeEach(async () => {
    lab = await openLab()
    await lab.put({ columns: BEFORE, query: `SELECT 1 AS id, 'Oslo' AS city, 7 AS gone` })
    await commitMetadata(lab, TABLE, (metadata) => createRef(metadata, { name: 'audit', type: 'branch' }, ++now))
  })
  afterEach(() => lab.close())
  const publish = () =>
    commitMetadata(lab, TABLE, (metadata) => fastForward(metadata, 'main', metadata.refs['audit']?.snapshotId ?? '', ++now))

  it('are dropped on main when it is moved to it', async () => {
    await lab.put({ columns: BEFORE.slice(0, 2), query: `SELECT 2 AS id, 'Bonn' AS city`, branch: 'audit' })
    await publish()
    expect(await lab.read()).toEqual([
      { id: 1n, city: 'Oslo' },
      { id: 2n, city: 'Bonn' },
    ])
  })

  it('stay with what came to the table on top of them', async () => {
    const more = [...BEFORE, column('zip', 'int')]
    await lab.put({ columns: more, query: `SELECT 2 AS id, 'Bonn' AS city, 8 AS gone, 53 AS zip`, branch: 'audit' })
    // As of an engine to which the table has one line of schemas, and the branch an earlier one of it.
    await lab.alter((metadata) => columnMore(metadata, metadata.schemas.at(-1) ?? expect.fail()))
    await publish()
    expect(await lab.read()).toEqual([
      { id: 1n, city: 'Oslo', gone: 7, zip: null, theirs: null },
      { id: 2n, city: 'Bonn', gone: 8, zip: 53, theirs: null },
    ])
  })
})
