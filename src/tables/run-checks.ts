import type { CheckSpec } from '../checks/check.ts'
import { CHECKED_ROWS } from '../checks/check.ts'
import { duplicatesQuery, duplicatesSample, fusedAggregate, isRowCheck, violation } from '../checks/planner.ts'
import type { AssetKey } from '../keys.ts'
import type { CheckResult } from '../storage/events.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import { type EngineRow, SqlError, type SqlSession } from '../sql/engine.ts'
import { byDepName, render } from '../sql/render.ts'

const SAMPLES = 5

interface Checked {
  readonly session: SqlSession
  readonly asset: AssetKey
  /** A SELECT that yields the rows to check. */
  readonly rows: string
}

/**
 * Runs the checks of an asset: one fused aggregate for all that look at single rows, one grouping for each key, one query
 * for each `sql` check; failing rows are fetched only where something fails.
 */
export async function runChecks(checked: Checked, checks: readonly CheckSpec[]): Promise<readonly CheckResult[]> {
  if (checks.length === 0) return []
  await checked.session.run(`CREATE OR REPLACE VIEW ${quoteIdentifier(CHECKED_ROWS)} AS ${checked.rows}`)
  const totals = await rowTotals(checked, checks)
  const results: CheckResult[] = []
  for (const check of checks) {
    results.push(await guarded(checked, check, () => judge(checked, check, totals)))
  }
  return results
}

type RowCheck = Extract<CheckSpec, { rule: 'notNull' | 'between' | 'in' }>

const NOTHING = { failing: 0, looked: 0 }

interface Totals {
  readonly total: number
  readonly byName: ReadonlyMap<string, { readonly failing: number; readonly looked: number }>
}

/** One bound that cannot be cast must not take the other checks with it: they are then asked one by one. */
async function rowTotals(checked: Checked, checks: readonly CheckSpec[]): Promise<Totals> {
  try {
    return await aggregate(checked, checks.filter(isRowCheck))
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    return aggregate(checked, [])
  }
}

async function aggregate({ session }: Checked, checks: readonly RowCheck[]): Promise<Totals> {
  const [row = {}] = await session.rows(fusedAggregate(checks, quoteIdentifier(CHECKED_ROWS)))
  const byName = new Map(
    checks.map((check, i) => [check.name, { failing: Number(row[`failing_${i}`]), looked: Number(row[`looked_${i}`]) }]),
  )
  return { total: Number(row['total']), byName }
}

const rowWords = (n: number): string => `${n} ${n === 1 ? 'row' : 'rows'}`

/** `3 of 40 rows do not hold`, `0 of 1 row repeats a key`. */
export const shareWords = (failing: number, of: number, words: 'do not hold' | 'repeat a key'): string =>
  `${failing} of ${rowWords(of)} ${of === 1 ? words.replace(/^do\b/, 'does').replace(/^repeat\b/, 'repeats') : words}`

/** A check that throws has not passed. */
async function guarded({ asset }: Checked, check: CheckSpec, run: () => Promise<CheckResult>): Promise<CheckResult> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof SqlError)) throw error
    return { ...verdict(asset, check, false), outcome: 'error', observed: `the check could not run: ${error.message.split('\n')[0]}` }
  }
}

const verdict = (asset: AssetKey, check: CheckSpec, passed: boolean): CheckResult => ({
  asset,
  check: check.name,
  outcome: passed ? 'pass' : check.mode === 'block' ? 'fail' : 'warn',
  blocking: check.mode === 'block',
  rows: undefined,
  failing: undefined,
  observed: '',
  samples: [],
})

async function judge(checked: Checked, check: CheckSpec, totals: Totals): Promise<CheckResult> {
  switch (check.rule) {
    case 'rowCount': {
      const passed = totals.total >= (check.min ?? 0) && (check.max === null || totals.total <= check.max)
      return {
        ...verdict(checked.asset, check, passed),
        rows: totals.total,
        observed: `${rowWords(totals.total)}, allowed ${check.min ?? 0} ${check.max === null ? 'or more' : `to ${check.max}`}`,
      }
    }
    case 'unique':
      return uniqueResult(checked, check, totals.total)
    case 'sql':
      return sqlResult(checked, check, totals.total)
    default:
      return rowResult(checked, check, totals)
  }
}

async function rowResult(checked: Checked, check: RowCheck, totals: Totals): Promise<CheckResult> {
  const { failing, looked } = (totals.byName.has(check.name) ? totals : await aggregate(checked, [check])).byName.get(check.name) ?? NOTHING
  const mostly = check.rule === 'in' ? 1 : check.mostly
  const passed = looked === 0 || (looked - failing) / looked >= mostly
  const samples = passed ? [] : await sample(checked, `SELECT * FROM ${quoteIdentifier(CHECKED_ROWS)} WHERE ${violation(check)}`)
  return { ...verdict(checked.asset, check, passed), rows: looked, failing, observed: shareWords(failing, looked, 'do not hold'), samples }
}

async function uniqueResult(checked: Checked, check: Extract<CheckSpec, { rule: 'unique' }>, total: number): Promise<CheckResult> {
  const rows = quoteIdentifier(CHECKED_ROWS)
  const [row = {}] = await checked.session.rows(duplicatesQuery(check.columns, rows))
  const failing = Number(row['failing'])
  const samples = failing === 0 ? [] : await sample(checked, duplicatesSample(check.columns, rows, SAMPLES))
  return {
    ...verdict(checked.asset, check, failing === 0),
    rows: total,
    failing,
    observed: shareWords(failing, total, 'repeat a key'),
    samples,
  }
}

async function sqlResult(checked: Checked, check: Extract<CheckSpec, { rule: 'sql' }>, total: number): Promise<CheckResult> {
  const query = render(check.query, { table: byDepName, param: (name) => name })
  const [row = {}] = await checked.session.rows(`SELECT count(*) AS n FROM (${query})`)
  const failing = Number(row['n'])
  const samples = failing === 0 ? [] : await sample(checked, query)
  return {
    ...verdict(checked.asset, check, failing === 0),
    rows: total,
    failing,
    observed: `the query found ${rowWords(failing)}`,
    samples,
  }
}

const sample = async ({ session }: Checked, query: string): Promise<readonly string[]> => {
  const rows: readonly EngineRow[] = await session.rows(
    `SELECT to_json(s)::VARCHAR AS row FROM (SELECT * FROM (${query}) LIMIT ${SAMPLES}) s`,
  )
  return rows.map((row) => String(row['row']))
}
