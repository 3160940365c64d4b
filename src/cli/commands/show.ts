import { type AssetSpec, siblingsOf } from '../../assets/spec.ts'
import { statusOfAll } from '../../assets/status.ts'
import { ancestors } from '../../iceberg/metadata.ts'
import { rowsOf } from '../../iceberg/summary.ts'
import { AssayError } from '../../errors.ts'
import { isEmpty } from '../../partitions/partition-set.ts'
import type { DimensionLink } from '../../partitions/reach.ts'
import { dimensionsOf, type PartitionsSpec } from '../../partitions/spec.ts'
import { formatSet, shortSet } from '../../partitions/texts.ts'
import { type Inspection, inspect } from '../../runs/launch.ts'
import type { CheckOutcome } from '../../storage/events.ts'
import { bindSpec } from '../../runs/registries.ts'
import { type AssetFacts, factsJson, factsOf, madePartitions, partitionCount, statusWords } from '../asset-facts.ts'
import { type Command, emit } from '../context.ts'
import { oneAsset, openProject } from '../open-project.ts'
import { glyph, type LookWord, look, tinted } from '../render/status.ts'
import { type TableCell, type TableColumn, table } from '../render/table.ts'
import type { Terminal } from '../render/terminal.ts'
import { ago, counted, instant, number, withRemark, wrap } from '../render/words.ts'
import { MATERIALIZATION_ID } from '../../tables/publish.ts'
import { typeName } from '../../schema/iceberg-type.ts'

/** Snapshots shown, newest first. */
const SNAPSHOTS = 10

type CheckRecord = Awaited<ReturnType<Inspection['storage']['checkResults']>>[number]

interface Shown {
  readonly facts: AssetFacts
  readonly readers: readonly AssetSpec[]
  readonly checks: readonly CheckRecord[]
  readonly now: number
}

/** `assay show <asset>`: everything about one asset. */
export const show: Command = async (context) => {
  if (context.options.sql) return (await import('./show-sql.ts')).showSql(context)
  if (context.options.partition !== undefined || context.options.limit !== undefined)
    throw new AssayError('ASSAY-4002', 'assay show takes --partition and --limit together with --sql', {
      next: `For example: assay show ${context.words[0]} --sql --limit 5`,
    })
  const { settings, loaded } = await openProject(context)
  const spec = oneAsset(loaded, context.words[0] ?? '')
  const inspection = await inspect(settings, loaded)
  try {
    const now = context.surroundings.clock.now()
    const shown: Shown = {
      facts: factsOf(spec, inspection, statusOfAll(loaded.manifest.assets, inspection.states, now)),
      readers: loaded.readers(spec.key),
      checks: await inspection.storage.checkResults(spec.key),
      now,
    }
    if (context.options.json) emit(context, 'asset', showJson(shown))
    else print(context.terminal, shown)
  } finally {
    inspection.close()
  }
  return 0
}

const snapshotsOf = ({ table }: AssetFacts) =>
  (table === undefined ? [] : ancestors(table.metadata)).map((snapshot) => ({
    id: snapshot.id,
    at: snapshot.timestamp,
    operation: snapshot.operation,
    rows: rowsOf(snapshot),
    materialization: snapshot.summary[MATERIALIZATION_ID],
  }))

function showJson({ facts, readers, checks }: Shown): object {
  const { spec, table } = facts
  return {
    ...factsJson(facts),
    spec: bindSpec(spec, new Map()),
    readers: readers.map((reader) => reader.key),
    partitionsOf: {
      fresh: formatSet(spec.partitions, facts.version.fresh),
      stale: formatSet(spec.partitions, facts.version.stale),
      missing: formatSet(spec.partitions, facts.version.missing),
      outdated: formatSet(spec.partitions, facts.outdated),
    },
    checks,
    snapshots: snapshotsOf(facts),
    table: table === undefined ? null : { location: table.metadata.location, metadata: table.metadataLocation },
  }
}

function print(terminal: Terminal, shown: Shown): void {
  const { facts, readers } = shown
  const { spec } = facts
  for (const line of withRemark(terminal.paint('bold', spec.key), spec.description ?? '', terminal.columns())) terminal.line(line)
  for (const [label, words] of factRows(terminal, shown)) printFact(terminal, label, words)
  section(
    terminal,
    'columns',
    [{ title: '', min: 8 }, { title: '' }, { title: '' }, { title: '', min: 10, drop: 1 }],
    spec.columns.map((column) => [
      column.name,
      column.values === undefined ? typeName(column.type) : 'enum',
      column.nullable ? 'nullable' : '',
      [column.doc ?? column.values?.join(', ') ?? '', 'grey'],
    ]),
  )
  section(
    terminal,
    'checks',
    [{ title: '', min: 12 }, { title: '' }, { title: '' }, { title: '', min: 16, drop: 2 }, { title: '', drop: 1 }],
    checkRows(terminal, shown),
  )
  section(
    terminal,
    'reads',
    [{ title: '', min: 10 }, { title: '' }],
    spec.deps.map((dep) => [dep.asset, [dep.reads === undefined ? mappingWords(dep.mapping) : 'what has changed', 'grey']]),
  )
  section(
    terminal,
    'read by',
    [{ title: '', min: 10 }],
    readers.map((reader) => [reader.key]),
  )
  const snapshots = snapshotsOf(facts)
  const more = snapshots.length > SNAPSHOTS ? `, the newest ${SNAPSHOTS} of ${snapshots.length}` : ''
  section(
    terminal,
    `snapshots${more}`,
    [{ title: '' }, { title: '', drop: 1 }, { title: '' }, { title: '', align: 'right' }],
    snapshots
      .slice(0, SNAPSHOTS)
      .map((s) => [s.id, [instant(s.at), 'grey'], s.operation, s.rows === undefined ? '' : counted(s.rows, 'row')]),
  )
}

/** Paths stay whole, so that they can be copied; words are wrapped. */
function printFact(terminal: Terminal, label: string, words: string): void {
  const [first = '', ...more] = wrap(words, terminal.columns() - 14)
  terminal.line(`  ${terminal.paint('grey', label.padEnd(10))}  ${first}`)
  for (const line of more) terminal.line(`${' '.repeat(14)}${line}`)
}

type Fact = readonly [label: string, words: string]

function factRows(terminal: Terminal, { facts, now }: Shown): readonly Fact[] {
  const { spec, version, table, lastMade } = facts
  const status = `${terminal.live ? `${glyph(terminal, facts.word)} ` : ''}${tinted(terminal, facts.word, statusWords(facts))}`
  return [
    ['status', status],
    ['kind', spec.compute === undefined ? spec.kind : `${spec.kind}, made by ${spec.compute.kind}`],
    ...(spec.outputs === undefined ? [] : [fact('made with', outputWords(spec))]),
    ...metadataRows(spec),
    ...sliceRows(facts),
    ...(facts.rows === undefined ? [] : [fact('rows', number(facts.rows))]),
    ...(facts.observedAt === undefined ? [] : [fact('observed', `${ago(facts.observedAt, now)} (${instant(facts.observedAt)})`)]),
    ...(lastMade === undefined ? [] : [fact('last made', `${ago(lastMade, now)} (${instant(lastMade)})`)]),
    ...(spec.rowKey.length === 0 ? [] : [fact('key', spec.rowKey.join(', '))]),
    ...(spec.write === undefined ? [] : [fact('write', writeWords(spec.write))]),
    ...(spec.sortBy === undefined ? [] : [fact('sorted by', spec.sortBy.join(', '))]),
    ...(spec.timeout === undefined ? [] : [fact('timeout', `${number(spec.timeout)} ms`)]),
    ...(spec.where === undefined ? [] : [fact('declared', `${spec.where.file}:${spec.where.line}`)]),
    ...(spec.codeVersion === '' ? [] : [fact('code', spec.codeVersion)]),
    ...(spec.rejects === undefined ? [] : [fact('rejects', spec.rejects.key)]),
    ...(table === undefined
      ? []
      : [fact('folder', table.metadata.location), fact('metadata', table.metadataLocation.replace(`${table.metadata.location}/`, ''))]),
    ...(facts.word === 'unknown' ? [fact('next', terminal.suggest(`assay observe ${spec.key}`))] : []),
    ...(isEmpty(version.stale) && isEmpty(facts.outdated) ? [] : [fact('next', terminal.suggest(`assay why ${spec.key}`))]),
  ]
}

const outputWords = (spec: AssetSpec): string =>
  `${siblingsOf(spec).join(', ')}${spec.outputs?.partial ? ', or by itself' : ', never without'}`

/** What people say of it. */
const metadataRows = ({ owners = [], group, tags = {}, kinds = [] }: AssetSpec): readonly Fact[] => [
  ...(kinds.length === 0 ? [] : [fact('is', kinds.join(', '))]),
  ...(group === undefined ? [] : [fact('group', group)]),
  ...(owners.length === 0 ? [] : [fact('owners', owners.join(', '))]),
  ...(Object.keys(tags).length === 0
    ? []
    : [
        fact(
          'tags',
          Object.entries(tags)
            .map(([tag, text]) => (text === '' ? tag : `${tag}=${text}`))
            .join(', '),
        ),
      ]),
]

/** `merge by its key, the latest by changed_at, out when deleted`. */
function writeWords(write: NonNullable<AssetSpec['write']>): string {
  if (write.kind === 'append') return 'append: rows are added'
  const out = write.deleteWhen === undefined ? '' : `, out when ${write.deleteWhen}`
  const how = write.kind === 'history' ? 'history by its key' : 'merge by its key'
  const latest = write.kind === 'merge' && write.latestBy !== undefined ? `, the latest by ${write.latestBy}` : ''
  return `${how}${latest}${out} (${write.as})`
}

const fact = (label: string, words: string): Fact => [label, words]

function sliceRows(facts: AssetFacts): readonly Fact[] {
  const { partitions, kind } = facts.spec
  const { stale, missing } = facts.version
  if (partitions.dim === 'none') return []
  const all = fact('partitions', `${shortSet(partitions, facts.exist)}, by ${dimensionsOf(partitions).map(sliceWords).join(' and ')}`)
  if (kind === 'external') return [all]
  return [
    all,
    fact('made', partitionCount(facts.spec, madePartitions(facts), facts.exist)),
    ...(isEmpty(stale) ? [] : [fact('stale', shortSet(partitions, stale))]),
    ...(isEmpty(missing) ? [] : [fact('missing', shortSet(partitions, missing))]),
    ...(isEmpty(facts.outdated) ? [] : [fact('outdated', shortSet(partitions, facts.outdated))]),
  ]
}

/** `day of ordered_at`, `hour in Europe/Berlin of hour_key`. */
function sliceWords({ name, spec }: ReturnType<typeof dimensionsOf>[number]): string {
  const cut =
    spec.dim === 'dynamic'
      ? `the registry ${spec.registry}`
      : spec.dim === 'static'
        ? name || 'value'
        : spec.grain === 'cron'
          ? `'${spec.cron}'`
          : spec.grain
  const zone = spec.dim === 'time' && spec.zone !== undefined ? ` in ${spec.zone}` : ''
  return `${cut}${zone}${spec.column === undefined ? '' : ` of ${spec.column}`}`
}

const LOOK_OF: Readonly<Record<CheckOutcome, LookWord>> = { pass: 'succeeded', warn: 'warned', fail: 'failed', error: 'failed' }

/** What each check said when it last ran. */
function checkRows(terminal: Terminal, { facts, checks, now }: Shown): readonly (readonly TableCell[])[] {
  return facts.spec.checks.map((check) => {
    const last = checks.find((result) => result.check === check.name)
    const verdict: TableCell = last === undefined ? ['not run yet', 'grey'] : look(terminal, LOOK_OF[last.outcome], last.outcome)
    return [
      check.name,
      check.mode === 'block' ? 'blocks' : 'warns',
      verdict,
      last?.observed ?? '',
      [last === undefined ? '' : ago(last.at, now), 'grey'],
    ]
  })
}

function mappingWords(mapping: AssetSpec['deps'][number]['mapping']): string {
  if (mapping.kind === 'identity') return 'the same partition'
  if (mapping.kind === 'all') return 'all of it'
  if (mapping.kind === 'last') return 'the last partition'
  if (mapping.kind === 'values') return 'values by a table'
  if (mapping.kind === 'dimensions')
    return dimensionsOf(mapping.dep)
      .map(({ name }, i) => `${name || 'it'}: ${linkWords(mapping.rules[i], mapping.reader)}`)
      .join('; ')
  if (mapping.startOffset === 0 && mapping.endOffset === 0) return 'the partitions at the same time'
  return `partitions ${mapping.startOffset} to ${mapping.endOffset} away${mapping.allowHoleAtEnd ? ', as far as made' : ''}`
}

function linkWords(link: DimensionLink | undefined, reader: PartitionsSpec): string {
  if (link === undefined || link.of === null) return 'all of it'
  const name = dimensionsOf(reader)[link.of]?.name ?? ''
  return `${mappingWords(link.mapping)}${name === '' ? '' : ` of ${name}`}`
}

function section(terminal: Terminal, title: string, columns: readonly TableColumn[], rows: readonly (readonly TableCell[])[]): void {
  if (rows.length === 0) return
  terminal.line()
  for (const line of wrap(title, terminal.columns())) terminal.line(terminal.paint('bold', line))
  const inner = { ...terminal, columns: () => terminal.columns() - 2 }
  for (const line of table(inner, columns, rows)) terminal.line(`  ${line}`)
}
