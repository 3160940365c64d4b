import { AssayError } from '../../errors.ts'
import type { PartitionSet } from '../../partitions/partition-set.ts'
import { EMPTY, intersect } from '../../partitions/partition-set.ts'
import { universe } from '../../partitions/partitions.ts'
import { formatSet } from '../../partitions/texts.ts'
import { openDuckdb } from '../../resources/duckdb.ts'
import { inspect } from '../../runs/launch.ts'
import { type Preview, previewRows, previewSql } from '../../runs/preview.ts'
import { fileProblem } from '../../tables/read.ts'
import { SqlError } from '../../sql/engine.ts'
import { type CommandContext, emit, jsonLine } from '../context.ts'
import { oneAsset, openProject, partitionsOf } from '../open-project.ts'
import { leftOutWords, printRows } from '../render/rows.ts'
import { counted, wrap } from '../render/words.ts'

/**
 * `assay show <asset> --sql`: the statement as it would run for a partition, by default the last one; with `--limit` also
 * its rows. Writes nothing.
 */
export async function showSql(context: CommandContext): Promise<number> {
  const { settings, loaded } = await openProject(context)
  const { options, terminal } = context
  const spec = oneAsset(loaded, context.words[0] ?? '')
  const now = context.surroundings.clock.now()
  const asked = partitionsOf(options.partition, loaded, [spec.key], now)
  const partitions =
    asked === undefined ? lastOf(universe(spec.partitions, now)) : intersect(asked.get(spec.key) ?? EMPTY, universe(spec.partitions, now))
  const preview: Preview = { loaded, spec, partitions, now }
  const sql = previewSql(preview)
  if (sql === undefined)
    throw new AssayError(
      'ASSAY-4002',
      `${spec.key} is not made by a statement${spec.compute === undefined ? '' : `, but by ${spec.compute.kind}`}`,
      {
        where: spec.where,
        next: `\`assay show ${spec.key}\` tells more of it.`,
      },
    )
  const named = spec.partitions.dim === 'none' ? null : formatSet(spec.partitions, partitions)
  if (options.json) emit(context, 'sql', { asset: spec.key, partitions: named, sql })
  else {
    terminal.line(terminal.paint('grey', `-- ${spec.key}${named === null ? '' : `, ${named}`}`))
    terminal.write(`${sql}\n`)
  }
  if (options.limit === undefined) return 0
  const inspection = await inspect(settings, loaded)
  const engine = await openDuckdb()
  try {
    const { columns, rows } = await previewRows(preview, inspection, await engine.session(), options.limit)
    if (options.json) for (const row of rows) terminal.line(jsonLine('row', { row }))
    else {
      terminal.line()
      const leftOut = printRows(terminal, columns, rows)
      const words = `(${counted(rows.length, 'row')} shown, nothing written${leftOutWords(leftOut)})`
      for (const line of wrap(words, terminal.columns())) terminal.line(terminal.paint('grey', line))
    }
    return 0
  } catch (error) {
    const known = fileProblem(error)
    throw known instanceof SqlError
      ? new AssayError('ASSAY-3008', `${spec.key}: ${known.message.split('\n')[0]}`, { where: spec.where, cause: known })
      : known
  } finally {
    engine.close()
    inspection.close()
  }
}

/** The newest partition of a set; all of an asset that has none. */
function lastOf(set: PartitionSet): PartitionSet {
  const last = set.at(-1)
  return last === undefined ? set : [[last[1] - 1, last[1]]]
}
