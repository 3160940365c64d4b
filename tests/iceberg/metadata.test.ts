import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ancestors, parseMetadata, schemaOf, serialiseMetadata, snapshotOf, type TableMetadata } from '../../src/iceberg/metadata.ts'

const SPECS = new URL('../../../shared/specs/iceberg-table-metadata/', import.meta.url)
const spec = (name: string): Promise<string> => readFile(new URL(`TableMetadata${name}.json`, SPECS), 'utf8')
const parse = (json: unknown): TableMetadata => parseMetadata(JSON.stringify(json), '/t/metadata/00000-x.metadata.json')

const MINIMAL = {
  'format-version': 2,
  'table-uuid': '9c12d441-03fe-4693-9a96-a0705ddf69c1',
  location: '/t',
  'last-sequence-number': 0,
  'last-updated-ms': 1,
  'last-column-id': 1,
  'current-schema-id': 0,
  schemas: [{ type: 'struct', 'schema-id': 0, fields: [{ id: 1, name: 'x', required: true, type: 'long' }] }],
  'default-spec-id': 0,
  'partition-specs': [{ 'spec-id': 0, fields: [] }],
  'last-partition-id': 999,
  'default-sort-order-id': 0,
  'sort-orders': [{ 'order-id': 0, fields: [] }],
}

describe.skipIf(!existsSync(SPECS))('metadata files of the reference implementation (skipped where ../shared/specs is absent)', () => {
  it.each(['V1Valid', 'V2Valid', 'V2ValidMinimal', 'StatisticsFiles', 'PartitionStatisticsFiles'])('reads %s', async (name) => {
    const metadata = parseMetadata(await spec(name), name)
    expect(schemaOf(metadata).fields[0]).toMatchObject({ id: 1, name: 'x', type: 'long' })
    expect(
      parseMetadata(
        serialiseMetadata({ ...metadata, formatVersion: 2, rest: { 'sort-orders': [], 'default-sort-order-id': 0, ...metadata.rest } }),
        name,
      ),
    ).toMatchObject({ schemas: metadata.schemas })
  })

  it.each([
    ['V1MissingSchemaType', 'schema.type'],
    ['V2CurrentSchemaNotFound', 'last-partition-id is missing'],
    ['V2MissingLastPartitionId', 'last-partition-id is missing'],
    ['V2MissingPartitionSpecs', 'partition-specs is missing'],
    ['V2MissingSchemas', 'schemas is missing'],
    ['V2MissingSortOrder', 'sort-orders is missing'],
  ])('refuses %s, naming what is wrong', async (name, what) => {
    const text = await spec(name)
    expect(() => parseMetadata(text, name)).toThrow(expect.objectContaining({ code: 'ASSAY-2003', message: expect.stringContaining(what) }))
  })

  it('refuses UnsupportedVersion as unsupported', async () => {
    const text = await spec('UnsupportedVersion')
    const refusal = { code: 'ASSAY-2004', message: expect.stringContaining('version 42') }
    expect(() => parseMetadata(text, 'x')).toThrow(expect.objectContaining(refusal))
  })

  it('reads or refuses every file as its name says, and keeps every key of those it reads', async () => {
    const names = readdirSync(SPECS).flatMap((file) => /^TableMetadata(.*)\.json$/.exec(file)?.[1] ?? [])
    expect(names).toHaveLength(13)
    for (const name of names) {
      const text = await spec(name)
      const broken = /Missing|NotFound|Unsupported/.test(name)
      if (broken)
        expect(() => parseMetadata(text, name)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^ASSAY-200[34]$/) }))
      else expect(JSON.parse(serialiseMetadata(parseMetadata(text, name)))).toMatchObject(withoutSpelling(JSON.parse(text)))
    }
  })

  it('keeps the long snapshot ids and the rest of V2Valid', async () => {
    const text = await spec('V2Valid')
    const metadata = parseMetadata(text, 'V2Valid')
    expect(ancestors(metadata).map((s) => s.id)).toEqual(['3055729675574597004', '3051729675574597004'])
    expect(metadata.refs['main']).toEqual({ snapshotId: '3055729675574597004', type: 'branch' })
    const again = serialiseMetadata(metadata)
    expect(again).toContain('"current-snapshot-id":3055729675574597004')
    expect(again).toContain('bucket[4]')
    expect(parseMetadata(again, 'V2Valid')).toEqual(metadata)
  })

  it('reads a version 1 table in the form of version 2', async () => {
    const metadata = parseMetadata(await spec('V1Valid'), 'V1Valid')
    expect(metadata).toMatchObject({ formatVersion: 1, currentSchemaId: 0, defaultSpecId: 0, lastPartitionId: 1000, snapshots: [] })
    expect(metadata.specs[0]?.fields[0]).toMatchObject({ name: 'x', transform: 'identity' })
  })
})

/** What is spelt otherwise when it is written: version 1 in the form of version 2, and ids that doubles cannot hold. */
function withoutSpelling(json: Record<string, unknown>): object {
  const { schema: _, 'partition-spec': __, 'current-snapshot-id': ___, ...rest } = json
  return rest
}

describe('metadata', () => {
  it('keeps every 64-bit id and every key of others through reading and writing', () => {
    const foreignValue = fc.oneof(
      fc.maxSafeInteger(),
      fc.double({ noNaN: true, noDefaultInfinity: true, max: 1e9, min: -1e9 }).map((x) => (Object.is(x, -0) ? 0 : x)),
      fc.array(fc.string()),
      fc.boolean(),
      fc.constant(null),
    )
    const id = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n })
    fc.assert(
      fc.property(id, id, fc.dictionary(fc.stringMatching(/^x-[a-z]{1,8}$/), foreignValue), (a, b, foreign) => {
        fc.pre(a !== b)
        const inner = JSON.stringify({ 'x-of-others': foreign }).slice(1, -1)
        const snapshot = (n: bigint): string =>
          `{"snapshot-id": ${n}, "timestamp-ms": 5, "sequence-number": 1, "summary": {"operation":"append","k":"v"}, "manifest-list": "/l", "schema-id": 0, ${inner}}`
        const logs = `"snapshot-log": [{"timestamp-ms": 5, "snapshot-id": ${a}, ${inner}}], "metadata-log": [{"timestamp-ms": 5, "metadata-file": "/m", ${inner}}]`
        const refs = `{"main": {"snapshot-id": ${a}, "type": "branch", "max-ref-age-ms": 10}, "t": {"snapshot-id": ${b}, "type": "tag"}}`
        const text = `${JSON.stringify({ ...MINIMAL, ...foreign }).slice(0, -1)}, "current-snapshot-id" : ${a}, "snapshots": [${snapshot(a)}, ${snapshot(b)}], "refs": ${refs}, ${logs}, "big": ${b}}`
        const metadata = parseMetadata(text, 'x')
        expect(metadata.currentSnapshotId).toBe(String(a))
        expect(snapshotOf(metadata, String(b))?.id).toBe(String(b))
        expect(metadata.refs['main']).toEqual({ snapshotId: String(a), type: 'branch', rest: { 'max-ref-age-ms': 10 } })
        const again = serialiseMetadata(metadata)
        expect(again).toContain(`"big":${b}`)
        expect(again.split(inner)).toHaveLength(5)
        expect(parseMetadata(again, 'x')).toEqual(metadata)
        expect(metadata.rest).toMatchObject(foreign)
      }),
    )
  })

  it('is read from gzip, whatever its name, and refused when that is cut short', () => {
    const zipped = gzipSync(JSON.stringify(MINIMAL))
    for (const name of ['00001-x.gz.metadata.json', 'v1.metadata.json.gz', 'v1.metadata.json'])
      expect(parseMetadata(zipped, `/t/metadata/${name}`).location).toBe('/t')
    const cut = { code: 'ASSAY-2003', message: expect.stringContaining('/t/metadata/x.gz') }
    expect(() => parseMetadata(zipped.subarray(0, 40), '/t/metadata/x.gz')).toThrow(expect.objectContaining(cut))
  })

  it('of version 3 keeps its row ids, which have to be there', () => {
    const snapshot = {
      'snapshot-id': 7,
      'timestamp-ms': 1,
      'manifest-list': '/l',
      summary: { operation: 'append' },
      'first-row-id': 0,
      'added-rows': 5,
    }
    const v3 = { ...MINIMAL, 'format-version': 3, 'next-row-id': 5, 'current-snapshot-id': 7, snapshots: [snapshot] }
    const metadata = parse(v3)
    expect(metadata.formatVersion).toBe(3)
    expect(JSON.parse(serialiseMetadata(metadata))).toMatchObject(v3)
    const { 'next-row-id': _, ...without } = v3
    expect(() => parse(without)).toThrow(expect.objectContaining({ code: 'ASSAY-2003', message: expect.stringContaining('next-row-id') }))
  })

  it('is refused by name where it has forms that Assay does not know', () => {
    const field = { 'source-ids': [1, 2], 'field-id': 1000, name: 'both', transform: 'bucket[4]' }
    const several = { ...MINIMAL, 'format-version': 3, 'next-row-id': 0, 'partition-specs': [{ 'spec-id': 0, fields: [field] }] }
    expect(() => parse(several)).toThrow(expect.objectContaining({ code: 'ASSAY-2004', message: expect.stringContaining('both') }))
    const old = { ...MINIMAL, snapshots: [{ 'snapshot-id': 1, 'timestamp-ms': 1, manifests: ['/m'] }] }
    expect(() => parse(old)).toThrow(expect.objectContaining({ code: 'ASSAY-2004', message: expect.stringContaining('manifests') }))
  })

  it.each([
    ['', 'not JSON'],
    ['[]', 'not a JSON object'],
    ['{}', 'format-version is missing'],
    ['{"format-version":2', 'not JSON'],
  ])('refuses %j', (text, what) => {
    expect(() => parseMetadata(text, '/m.json')).toThrow(
      expect.objectContaining({ code: 'ASSAY-2003', message: expect.stringContaining(what) }),
    )
  })

  it('refuses references to what is not there', () => {
    expect(() => parse({ ...MINIMAL, 'current-schema-id': 7 })).toThrow(/current-schema-id is 7/)
    expect(() => parse({ ...MINIMAL, 'current-snapshot-id': 7 })).toThrow(/current-snapshot-id is 7/)
    expect(() => parse({ ...MINIMAL, 'default-spec-id': 7 })).toThrow(/default-spec-id is 7/)
    expect(() => snapshotOf(parse(MINIMAL), '7')).toThrow(expect.objectContaining({ code: 'ASSAY-2009' }))
  })

  it('ends the ancestry where snapshots have expired or refer to each other in a ring', () => {
    const snapshot = (id: number, parent: number) => ({
      'snapshot-id': id,
      'parent-snapshot-id': parent,
      'timestamp-ms': 1,
      summary: { operation: 'append' },
      'manifest-list': '/l',
    })
    const metadata = parse({ ...MINIMAL, 'current-snapshot-id': 3, snapshots: [snapshot(2, 1), snapshot(3, 2)] })
    expect(ancestors(metadata).map((s) => s.id)).toEqual(['3', '2'])
    expect(ancestors(metadata, '2').map((s) => s.id)).toEqual(['2'])
    const ring = parse({ ...MINIMAL, 'current-snapshot-id': 3, snapshots: [snapshot(2, 3), snapshot(3, 2)] })
    expect(ancestors(ring).map((s) => s.id)).toEqual(['3', '2'])
  })
})
