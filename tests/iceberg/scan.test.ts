import { mkdir } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encodeAvro } from '../../src/iceberg/avro.ts'
import { prepareCommit } from '../../src/iceberg/commit.ts'
import { LIST_SCHEMA } from '../../src/iceberg/manifest-schema.ts'
import { encodeManifestList, readManifestList } from '../../src/iceberg/manifests.ts'
import { schemaOf, snapshotOf, type TableMetadata } from '../../src/iceberg/metadata.ts'
import { liveFiles, scanSql } from '../../src/iceberg/scan.ts'
import type { IcebergSchema } from '../../src/schema/iceberg-type.ts'
import { column, type Lab, openLab, TABLE } from './lab.ts'

const COLUMNS = [column('id', 'long'), column('country', 'string')]
const BY = [{ column: 'country', transform: 'identity' }] as const

describe('scans', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())
  const put = (values: string) => lab.put({ columns: COLUMNS, by: BY, query: `SELECT * FROM (VALUES ${values}) v(id, country)` })

  /** The table with its manifest list written anew. */
  async function relisted(metadata: TableMetadata, change: Parameters<typeof encodeManifestList>[0]['manifests']): Promise<TableMetadata> {
    const head = snapshotOf(metadata) ?? expect.fail()
    const manifestList = `${lab.root}/list.avro`
    await lab.store.write(
      manifestList,
      encodeManifestList({ snapshotId: head.id, parentId: undefined, sequenceNumber: 1, manifests: change }),
    )
    return { ...metadata, snapshots: [{ ...head, manifestList }] }
  }

  it('keep odd partition values apart', async () => {
    await put(`(1, 'NULL'), (2, NULL), (3, ''), (4, 'a/b=c %2F*[x]'), (5, 'é'), (6, '__HIVE_DEFAULT_PARTITION__'), (7, '~x')`)
    const files = await liveFiles(lab.store, (await lab.load()).metadata)
    expect(new Set(files.map((file) => file.partition['country']))).toEqual(
      new Set(['NULL', null, '', 'a/b=c %2F*[x]', 'é', '__HIVE_DEFAULT_PARTITION__', '~x']),
    )
    expect(await lab.read(undefined, 'id')).toEqual([
      { id: 1n, country: 'NULL' },
      { id: 2n, country: null },
      { id: 3n, country: '' },
      { id: 4n, country: 'a/b=c %2F*[x]' },
      { id: 5n, country: 'é' },
      { id: 6n, country: '__HIVE_DEFAULT_PARTITION__' },
      { id: 7n, country: '~x' },
    ])
  })

  it('tell the engine how many rows there are, so that it joins from the right side', async () => {
    await lab.put({ columns: COLUMNS, query: `SELECT i AS id, 'NL' AS country FROM range(5000) r(i)` })
    const { metadata } = await lab.load()
    const rows = scanSql(lab.store, schemaOf(metadata), await liveFiles(lab.store, metadata), { history: metadata.schemas })
    const [plan] = await lab.session.rows(`EXPLAIN ${rows}`)
    expect(String(plan?.['explain_value'])).toContain('~5,000 rows')
  })

  it('go by ids where names changed hands, also when the schema before has been forgotten', async () => {
    await lab.put({ columns: [column('a', 'string'), column('b', 'string')], query: `SELECT 'first' AS a, 'second' AS b` })
    const { metadata } = await lab.load()
    const [a, b] = schemaOf(metadata).fields
    if (a === undefined || b === undefined) throw new Error('two columns')
    const swapped: IcebergSchema = {
      type: 'struct',
      'schema-id': 1,
      fields: [
        { ...a, name: 'b' },
        { ...b, name: 'a' },
      ],
    }
    for (const schemas of [[...metadata.schemas, swapped], [swapped]]) {
      await lab.alter(() => ({ schemas, currentSchemaId: 1 }))
      expect(await lab.read()).toEqual([{ b: 'first', a: 'second' }])
    }
  })

  it('read renamed and widened columns by their ids', async () => {
    const { metadata } = await put(`(1, 'NL')`)
    const renamed: IcebergSchema = {
      type: 'struct',
      'schema-id': 9,
      fields: [
        { id: 7, name: 'id', required: false, type: 'timestamptz' },
        { id: 2, name: 'land "code"', required: false, type: 'string' },
        { id: 1, name: 'number', required: false, type: 'decimal(20,0)' },
      ],
    }
    const files = await liveFiles(lab.store, metadata)
    expect(await lab.session.rows(scanSql(lab.store, renamed, files))).toEqual([{ id: null, 'land "code"': 'NL', number: '1' }])
    const types = [
      { name: 'id', type: 'TIMESTAMP WITH TIME ZONE' },
      { name: 'land "code"', type: 'VARCHAR' },
      { name: 'number', type: 'DECIMAL(20,0)' },
    ]
    expect(await lab.session.describe(scanSql(lab.store, renamed, files))).toEqual(types)
    expect(await lab.session.describe(scanSql(lab.store, renamed, []))).toEqual(types)
    expect(await lab.session.rows(scanSql(lab.store, renamed, []))).toEqual([])
  })

  it('take paths literally', async () => {
    await mkdir(`${lab.root}/[a]*?`)
    await lab.session.run(`COPY (SELECT 1::BIGINT AS id) TO '${lab.root}/[a]*?/x.parquet' (FORMAT parquet, FIELD_IDS {id: 1})`)
    const schema: IcebergSchema = { type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'id', required: false, type: 'long' }] }
    const file = { path: `file:${lab.root}/[a]*?/x.parquet`, partition: {}, specId: 0, rows: 1, size: 1 }
    expect(await lab.session.rows(scanSql(lab.store, schema, [file]))).toEqual([{ id: 1n }])
  })

  it('count no delete file as a data file, and commits carry them on', async () => {
    const { metadata } = await put(`(1, 'NL')`)
    const manifests = await readManifestList(lab.store, snapshotOf(metadata)?.manifestList ?? '')
    const withDeletes = await relisted(metadata, [...manifests, ...manifests.map((m) => ({ ...m, content: 'deletes' as const }))])
    expect(await liveFiles(lab.store, withDeletes)).toHaveLength(1)
    const base = { ...(await lab.load()), metadata: withDeletes }
    const staged = await lab.stage({ columns: COLUMNS, by: BY, query: `SELECT 2 AS id, 'BE' AS country`, base })
    const after = (await prepareCommit(lab.store, base, { id: TABLE, staged, overwrite: 'nothing', summary: {}, now: 1 })).metadata
    const carried = await readManifestList(lab.store, snapshotOf(after)?.manifestList ?? '')
    expect(carried.filter((manifest) => manifest.content === 'deletes')).toHaveLength(manifests.length)
    expect(await liveFiles(lab.store, after)).toHaveLength(2)
  })

  it('take no notice of delete manifests without live files', async () => {
    const { metadata } = await put(`(1, 'NL')`)
    const manifests = await readManifestList(lab.store, snapshotOf(metadata)?.manifestList ?? '')
    const without = await relisted(metadata, [
      ...manifests,
      ...manifests.map((m) => ({ ...m, content: 'deletes' as const, addedFiles: 0, deletedFiles: 1 })),
    ])
    expect(await liveFiles(lab.store, without)).toHaveLength(1)
  })

  it('refuse specs that the table does not describe', async () => {
    const { metadata } = await put(`(1, 'NL')`)
    await expect(liveFiles(lab.store, { ...metadata, specs: [] })).rejects.toMatchObject({
      code: 'ASSAY-2004',
      message: expect.stringContaining('partition spec 0'),
    })
  })

  it('name the file that is corrupt or missing', async () => {
    const { metadata } = await put(`(1, 'NL')`)
    const head = snapshotOf(metadata) ?? expect.fail()
    const broken = `${lab.root}/broken.avro`
    const bytes = await lab.store.read(head.manifestList)
    await lab.store.write(broken, bytes.subarray(0, bytes.length - 20))
    for (const manifestList of [broken, `${lab.root}/missing.avro`]) {
      const attempt = liveFiles(lab.store, { ...metadata, snapshots: [{ ...head, manifestList }] })
      await expect(attempt).rejects.toMatchObject({ code: 'ASSAY-2005', message: expect.stringContaining(manifestList) })
    }
  })

  it('understand lists of other writers: names, snapshot ids beyond 2^53 and absent fields', async () => {
    const { metadata } = await put(`(1, 'NL')`)
    const head = snapshotOf(metadata) ?? expect.fail()
    const [own] = await readManifestList(lab.store, head.manifestList)
    const text = JSON.stringify(LIST_SCHEMA).replaceAll('_files_count', '_data_files_count').replace('"manifest_path"', '"path"')
    const foreign = encodeAvro(JSON.parse(text), {}, [
      {
        path: `file:${own?.path}`,
        manifest_length: own?.length,
        partition_spec_id: 0,
        content: 0,
        sequence_number: 1,
        min_sequence_number: 1,
        added_snapshot_id: 7310397423990922523n,
        added_data_files_count: 1,
        existing_data_files_count: 0,
        deleted_data_files_count: 0,
        added_rows_count: 1,
        existing_rows_count: 0,
        deleted_rows_count: 0,
        partitions: null,
        key_metadata: null,
      },
    ])
    await lab.store.write(`${lab.root}/foreign.avro`, foreign)
    const [read] = await readManifestList(lab.store, `${lab.root}/foreign.avro`)
    expect(read).toMatchObject({ path: own?.path, addedFiles: 1, addedSnapshotId: '7310397423990922523', partitions: [] })
  })
})
