import type { AssetSpec, DepSpec } from '../assets/spec.ts'
import { reachOf } from '../partitions/reach.ts'
import { intersect, type PartitionSet } from '../partitions/partition-set.ts'
import { universe } from '../partitions/partitions.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { EngineRow, SqlSession } from '../sql/engine.ts'
import { byDepName, render } from '../sql/render.ts'
import { openInputs } from './execute-step.ts'
import type { Inspection } from './launch.ts'
import { insideOf } from '../tables/read.ts'
import { boundOf } from './partition-bound.ts'
import { RunLake } from './run-state.ts'

/** A statement of a duckdb compute, for the partitions that it would make. */
export interface Preview {
  readonly loaded: LoadedManifest
  readonly spec: AssetSpec
  readonly partitions: PartitionSet
  /** Milliseconds since the epoch; open-ended partitions end there. */
  readonly now: number
}

/**
 * The statement that a step would run, with its inputs as SELECTs over the tables by their keys: `assay query` takes it as
 * it stands. Undefined for an asset that is not made by one statement.
 */
export function previewSql(preview: Preview): string | undefined {
  const statement = statementOf(preview)
  if (statement === undefined) return undefined
  const inputs = preview.spec.deps.map((dep) => `  ${byDepName(dep.name)} as (${inputSql(preview, dep)})`)
  return inputs.length === 0 ? statement : `with\n${inputs.join(',\n')}\nselect * from (\n${statement}\n)`
}

/** Rows that a step would make, as they come, without writing. @throws ASSAY-3004 when an input has no table yet, SqlError */
export async function previewRows(
  preview: Preview,
  { states, heads, store }: Pick<Inspection, 'states' | 'heads' | 'store'>,
  session: SqlSession,
  limit: number,
): Promise<{ readonly columns: Awaited<ReturnType<SqlSession['describe']>>; readonly rows: readonly EngineRow[] }> {
  const { loaded, spec, partitions } = preview
  const lake = new RunLake(loaded, states, heads, '')
  const inputs = Object.fromEntries(
    spec.deps.flatMap((dep) => {
      const pin = lake.pin(dep, partitions)
      return pin === undefined ? [] : [[dep.name, pin] as const]
    }),
  )
  await openInputs({ loaded, store }, spec, { inputs }, session)
  const query = `(SELECT * FROM (${statementOf(preview) ?? ''}\n) LIMIT ${limit})`
  return { columns: await session.describe(query), rows: await session.rows(query) }
}

function statementOf({ spec, partitions }: Preview): string | undefined {
  if (spec.compute?.kind !== 'duckdb') return undefined
  return dedented(render(spec.compute.query, { table: byDepName, param: (name) => boundOf(spec, partitions, name) }))
}

/** Without the indentation that the statement has in the user's file. */
function dedented(text: string): string {
  const lines = text
    .replace(/^\s*\n/, '')
    .trimEnd()
    .split('\n')
  const depths = lines.filter((line) => line.trim() !== '').map((line) => line.length - line.trimStart().length)
  const depth = Math.min(...(lines[0]?.startsWith(' ') ? depths : depths.slice(1)), Number.MAX_SAFE_INTEGER)
  return lines.map((line) => (line.slice(0, depth).trim() === '' ? line.slice(depth) : line)).join('\n')
}

function inputSql({ loaded, partitions, now }: Preview, dep: DepSpec): string {
  const upstream = loaded.asset(dep.asset)
  const from = `from ${dep.asset}`
  if (upstream === undefined || upstream.partitions.dim === 'none' || dep.mapping.kind === 'all') return from
  const exist = universe(upstream.partitions, now)
  const reach = intersect(
    reachOf(dep.mapping, partitions, () => exist),
    exist,
  )
  return `${from} where ${insideOf({ spec: upstream.partitions, partitions: reach }, upstream.columns)}`
}
