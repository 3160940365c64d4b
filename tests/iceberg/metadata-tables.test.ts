import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { commitMetadata } from '../../src/iceberg/commit-metadata.ts'
import { METADATA_TABLES, type MetadataTable, metadataTableSql } from '../../src/iceberg/metadata-tables.ts'
import { snapshotOf } from '../../src/iceberg/metadata.ts'
import { createRef, rollback } from '../../src/iceberg/refs.ts'
import { valueText } from '../../src/iceberg/value-text.ts'
import type { EngineRow } from '../../src/sql/engine.ts'
import { column, type Lab, openLab, TABLE } from './lab.ts'

const COLUMNS = [column('id', 'long'), column('amount', 'decimal(9,2)'), column('ts', 'timestamptz'), column("it's", 'string')]
const BY = [{ column: 'ts', transform: 'day' }] as const
const ROWS = `SELECT * FROM (VALUES
  (1, 1.50, TIMESTAMPTZ '2026-01-31 12:00:00Z', 'a'), (2, -0.25, TIMESTAMPTZ '2026-01-31 13:00:00Z', NULL),
  (3, 7, TIMESTAMPTZ '1969-12-31 00:00:00Z', 'é''s')) v(id, amount, ts, "it's")`

describe('metadata tables', () => {
  let lab: Lab
  beforeEach(async () => {
    lab = await openLab()
  })
  afterEach(() => lab.close())
  const sqlOf = async (table: MetadataTable, snapshotId?: string): Promise<string> => {
    const { metadata } = await lab.load()
    return metadataTableSql({ store: lab.store, metadata, snapshotId: snapshotId ?? metadata.currentSnapshotId }, table)
  }
  const rows = async (table: MetadataTable, select = '*'): Promise<EngineRow[]> =>
    lab.session.rows(`SELECT ${select} FROM (${await sqlOf(table)})`)

  it('have the columns that Spark and PyIceberg give them', async () => {
    await lab.put({ columns: COLUMNS, by: BY, query: ROWS })
    const described = await Promise.all(METADATA_TABLES.map(async (table) => lab.session.describe(await sqlOf(table))))
    const names = Object.fromEntries(METADATA_TABLES.map((table, i) => [table, described[i]?.map(({ name }) => name).join(' ')]))
    expect(names).toEqual({
      snapshots: 'committed_at snapshot_id parent_id operation manifest_list summary',
      files:
        'content file_path file_format spec_id partition record_count file_size_in_bytes column_sizes value_counts null_value_counts nan_value_counts lower_bounds upper_bounds key_metadata split_offsets equality_ids sort_order_id readable_metrics',
      manifests:
        'content path length partition_spec_id added_snapshot_id added_data_files_count existing_data_files_count deleted_data_files_count added_delete_files_count existing_delete_files_count deleted_delete_files_count partition_summaries',
      partitions:
        'partition spec_id record_count file_count total_data_file_size_in_bytes position_delete_record_count position_delete_file_count equality_delete_record_count equality_delete_file_count last_updated_at last_updated_snapshot_id',
      history: 'made_current_at snapshot_id parent_id is_current_ancestor',
      refs: 'name type snapshot_id max_reference_age_in_ms min_snapshots_to_keep max_snapshot_age_in_ms',
    })
    expect(described[1]?.find(({ name }) => name === 'partition')?.type).toBe('STRUCT(ts_day DATE)')
    expect(described[1]?.find(({ name }) => name === 'lower_bounds')?.type).toBe('MAP(INTEGER, BLOB)')
  })

  it('tell files with their partitions and metrics', async () => {
    await lab.put({ columns: COLUMNS, by: BY, query: ROWS })
    const found = await lab.session.rows(
      `SELECT partition.ts_day::VARCHAR AS day, record_count, value_counts[1] AS ids, null_value_counts[4] AS nulls,
        readable_metrics.amount.lower_bound::VARCHAR AS low, readable_metrics.amount.upper_bound::VARCHAR AS high,
        readable_metrics.ts.lower_bound::VARCHAR AS since, readable_metrics."it's".upper_bound AS text,
        hex(upper_bounds[1]) AS raw
        FROM (${await sqlOf('files')}) ORDER BY day`,
    )
    expect(found).toEqual([
      {
        day: '1969-12-31',
        record_count: 1n,
        ids: 1n,
        nulls: 0n,
        low: '7.00',
        high: '7.00',
        since: '1969-12-31 00:00:00+00',
        text: "é's",
        raw: '0300000000000000',
      },
      {
        day: '2026-01-31',
        record_count: 2n,
        ids: 2n,
        nulls: 1n,
        low: '-0.25',
        high: '1.50',
        since: '2026-01-31 12:00:00+00',
        text: 'a',
        raw: '0200000000000000',
      },
    ])
    const [{ size } = {}] = await rows('files', 'sum(file_size_in_bytes)::BIGINT AS size')
    expect(String(size)).toBe(snapshotOf((await lab.load()).metadata)?.summary['total-files-size'])
  })

  it('tell partitions, manifests, snapshots, refs and what was current', async () => {
    await lab.put({ columns: COLUMNS, by: BY, query: ROWS })
    await lab.put({ columns: COLUMNS, by: BY, query: `${ROWS} WHERE id = 1` })
    const id = (await lab.load()).metadata.snapshots.map((snapshot) => BigInt(snapshot.id))
    await commitMetadata(lab, TABLE, (m) => createRef(m, { name: 'v1', type: 'tag', retention: { maxRefAge: 5 } }, 0))
    expect(
      await rows('partitions', 'partition.ts_day::VARCHAR AS day, record_count, file_count, last_updated_snapshot_id AS last'),
    ).toEqual([
      { day: '2026-01-31', record_count: 3n, file_count: 2n, last: id[1] },
      { day: '1969-12-31', record_count: 1n, file_count: 1n, last: id[0] },
    ])
    expect(
      await rows('manifests', 'added_data_files_count AS n, added_snapshot_id AS by, partition_summaries[1].lower_bound AS low'),
    ).toEqual([
      { n: 1, by: id[1], low: '2026-01-31' },
      { n: 2, by: id[0], low: '1969-12-31' },
    ])
    expect(await rows('snapshots', `snapshot_id, parent_id, operation, summary['total-records'] AS total`)).toEqual([
      { snapshot_id: id[0], parent_id: null, operation: 'append', total: '3' },
      { snapshot_id: id[1], parent_id: id[0], operation: 'append', total: '4' },
    ])
    expect(await rows('refs')).toEqual([
      {
        name: 'main',
        type: 'BRANCH',
        snapshot_id: id[1],
        max_reference_age_in_ms: null,
        min_snapshots_to_keep: null,
        max_snapshot_age_in_ms: null,
      },
      {
        name: 'v1',
        type: 'TAG',
        snapshot_id: id[1],
        max_reference_age_in_ms: 5n,
        min_snapshots_to_keep: null,
        max_snapshot_age_in_ms: null,
      },
    ])
    await commitMetadata(lab, TABLE, (m) => rollback(m, { id: String(id[0]) }, 0))
    expect(await rows('history', 'snapshot_id, is_current_ancestor AS line')).toEqual([
      { snapshot_id: id[0], line: true },
      { snapshot_id: id[1], line: false },
      { snapshot_id: id[0], line: true },
    ])
    const older = await lab.session.rows(`SELECT count(*) AS n FROM (${await sqlOf('files', String(id[0]))})`)
    expect(older).toEqual([{ n: 2n }])
  })

  it('have no partition where the table has none, and no row where it has no snapshot', async () => {
    await lab.put({ columns: COLUMNS, query: ROWS })
    expect((await lab.session.describe(await sqlOf('partitions'))).map(({ name }) => name)).not.toContain('partition')
    expect(await rows('partitions', 'record_count')).toEqual([{ record_count: 3n }])
    const { metadata } = await lab.load()
    const empty = { ...metadata, snapshots: [], currentSnapshotId: undefined, refs: {}, snapshotLog: [] }
    for (const table of METADATA_TABLES) {
      const sql = await metadataTableSql({ store: lab.store, metadata: empty, snapshotId: undefined }, table)
      expect(await lab.session.rows(sql)).toEqual([])
    }
  })

  it('spell values as the engine reads them', async () => {
    const cases = [
      ['date', 2_932_896, "DATE '9999-12-31'"],
      ['date', -719_162, "DATE '0001-01-01'"],
      ['timestamp', -1, "TIMESTAMP '1969-12-31 23:59:59.999999'"],
      ['timestamptz', '253402300799999999', "TIMESTAMPTZ '9999-12-31 23:59:59.999999Z'"],
      ['time', 86_399_999_999, "TIME '23:59:59.999999'"],
    ] as const
    for (const [type, value, literal] of cases) {
      const cast = literal.split(' ')[0]
      expect(await lab.session.rows(`SELECT CAST('${valueText(type, value)}' AS ${cast}) = ${literal} AS same`)).toEqual([{ same: true }])
    }
  })
})
