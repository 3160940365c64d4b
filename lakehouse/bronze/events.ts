import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { AssayError, asset, type Sql, sql, t, timeWindow, typescript } from 'assay'
import { clickstreamDays } from '../days.ts'
import { events as landing } from '../landing/events.ts'
import { CLICKSTREAM_START, landingFolder } from '../settings.ts'

/**
 * Every landed line as it came, on the day of its event. A line of arrival day A holds an event of A or of the day
 * before; where its time cannot be read, or lies elsewhere, the line stands at the beginning of A.
 */
export const events = asset('bronze.events', {
  description: 'Raw lines of the clickstream, by the day of the event.',
  partitions: clickstreamDays.on('ts'),
  schema: {
    ts: t.timestamptz().describe('Time of the event; the start of the day of arrival where the line does not tell.'),
    ingested_at: t.timestamptz().nullable().describe('When the collector took the line in.'),
    line: t.string().describe('The line, unchanged.'),
    source_file: t.string().describe('Name of the landed file.'),
    source_line: t.long().describe('Line in the file, from 1.'),
  },
  key: ['source_file', 'source_line'],
  checks: (c) => [c.source_line.between(1, 1_000_000_000), c.line.notNull()],
  timeout: 30 * 60_000,
  backfill: { partitionsPerStep: 10 },
})

// Nothing is later than a day, so the events of a day are in the files of that day and of the next one.
const files = timeWindow(landing, { startOffset: 0, endOffset: 1, allowHoleAtEnd: true })

events.from(
  { files },
  typescript(async (_inputs, _row, { partitions }) => {
    const days = partitions.map(({ key }) => key)
    const [first = '', last = ''] = [days[0], days.at(-1)]
    const lines = landed([...days, dayAfter(last)])
      .map(linesOf)
      .reduce((above, next) => sql`${above} union all ${next}`, NO_LINES)
    return sql`
    with lines as (${lines}),
    read as (
      select *, case when json_valid(line) then json_transform(line, '{"ts": "VARCHAR", "ingested_at": "VARCHAR"}') end as times from lines
    ),
    timed as (select *, try_cast(times.ts as timestamptz) as written from read),
    placed as (
      select
        case
          when written >= greatest(arrival - interval 1 day, ${midnight(CLICKSTREAM_START)}) and written < arrival + interval 1 day then written
          else arrival
        end as ts,
        try_cast(times.ingested_at as timestamptz) as ingested_at, line, source_file, source_line
      from timed
    )
    select ts, ingested_at, line, source_file, source_line from placed
    where ts >= ${midnight(first)} and ts < ${midnight(dayAfter(last))}`
  }),
)

/**
 * The days with a file. Only the last may have none, and only while no later one has landed: a file that is gone must not
 * pass for a day without events.
 */
function landed(days: readonly string[]): readonly string[] {
  const there = days.filter((day) => existsSync(fileOf(day)))
  const newest = existsSync(landedFolder()) ? readdirSync(landedFolder()).sort().at(-1) : undefined
  const lost = days.find((day, i) => !there.includes(day) && (i < days.length - 1 || `${day}.ndjson` < (newest ?? '')))
  if (lost === undefined) return there
  throw new AssayError('ASSAY-2005', `${fileOf(lost)} is not there`, {
    next: 'Land the file again: assay materialize landing.events --force.',
  })
}

const landedFolder = (): string => join(landingFolder(), 'events')
const fileOf = (day: string): string => join(landedFolder(), `${day}.ndjson`)
const midnight = (day: string): Sql => sql`${`${day} 00:00:00+00`}::timestamptz`
const dayAfter = (day: string): string => new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10)

const NO_LINES = sql`select null::timestamptz as arrival, null::varchar as line, null::varchar as source_file, null::bigint as source_line where false`

/**
 * The lines of one file with their numbers. The CSV reader with one column and without quotes is the fastest reader of
 * lines that DuckDB has (five times read_text with a split); its rows are numbered in the order of the file.
 */
const linesOf = (day: string): Sql => sql`
  select ${midnight(day)} as arrival, coalesce(line, '') as line, ${`${day}.ndjson`} as source_file, row_number() over () as source_line
  from read_csv(${fileOf(day)}, columns = {'line': 'VARCHAR'}, auto_detect = false, header = false,
    delim = ${NEVER_IN_A_LINE}, quote = '', escape = '', new_line = '\\n', max_line_size = 16000000)`

/** Three control characters, which JSON escapes. */
const NEVER_IN_A_LINE = '\x1c\x1d\x1e'
