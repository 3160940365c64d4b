import type { AssetDefinition } from '../assets/define-asset.ts'
import { CHECKED_ROWS, type CheckSpec } from '../checks/check.ts'
import { AssayError } from '../errors.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { SqlEngine } from '../sql/engine.ts'
import type { Lineage } from '../sql/lineage-sources.ts'
import { aggregatesOf, type Binder, bindStatement, type BoundStatement, boundsFault, columnFault, type StatementFacts } from './analyse.ts'
import { bindMany } from './bind-many.ts'
import type { Draft } from './draft.ts'
import type { LoadRequest } from './load.ts'
import { openStatementCache, type StatementCache } from './statement-cache.ts'

/** What came out of the statements of a project. */
export interface Analysis {
  /** Lineage of the queries that bind, by definition. */
  readonly lineage: ReadonlyMap<AssetDefinition, Lineage>
  readonly faults: readonly AssayError[]
}

/** What there is beside the assets that are looked at. */
export interface Beside {
  /** Columns of any asset of the project, by its key. */
  readonly columns: (key: string) => readonly ColumnSpec[] | undefined
  /** False where the project has other statements as well. */
  readonly isAll: boolean
}

/**
 * Binds all statements that have changed, in one session; DuckDB is loaded only when there are any.
 */
export async function analyseAll(request: LoadRequest, drafts: readonly Draft[], { columns, isAll }: Beside): Promise<Analysis> {
  const lineage = new Map<AssetDefinition, Lineage>()
  const faults: AssayError[] = []
  const cache = openStatementCache(request)
  const binder = lazyBinder()
  const asked = drafts.map((draft) => ({ draft, query: queryStatement(draft, columns), checks: checkStatements(draft) }))
  const missing = cache.missing(asked.flatMap(({ query, checks }) => [...query, ...checks]).filter((s) => boundsFault(s) === undefined))
  for (const [i, facts] of (await bindMany(missing)).entries()) cache.keep(missing[i], facts)
  try {
    for (const { draft, query, checks } of asked) {
      for (const statement of [...query, ...checks]) {
        const facts = await factsOf(cache, binder.open, statement)
        if (facts instanceof AssayError) faults.push(facts)
        else if (statement === query[0]) lineage.set(draft.definition, facts.lineage)
      }
    }
  } finally {
    binder.close()
  }
  cache.save(isAll)
  return { lineage, faults }
}

async function factsOf(
  cache: StatementCache,
  open: () => Promise<Binder>,
  statement: BoundStatement,
): Promise<StatementFacts | AssayError> {
  const fault = boundsFault(statement)
  if (fault !== undefined) return fault
  try {
    const facts = await cache.factsOf(statement, async () => bindStatement(await open(), statement))
    return columnFault(statement, facts) ?? facts
  } catch (error) {
    if (error instanceof AssayError) return error
    throw error
  }
}

interface LazyBinder {
  readonly open: () => Promise<Binder>
  readonly close: () => void
}

function lazyBinder(): LazyBinder {
  let engine: SqlEngine | undefined
  let binder: Promise<Binder> | undefined
  const make = async (): Promise<Binder> => {
    const { openDuckdb } = await import('../resources/duckdb.ts')
    engine = await openDuckdb({ threads: 1 })
    const session = await engine.session()
    return { session, aggregates: await aggregatesOf(session) }
  }
  return { open: () => (binder ??= make()), close: () => engine?.close() }
}

function queryStatement({ definition, columns, query }: Draft, of: Beside['columns']): readonly BoundStatement[] {
  if (query === undefined) return []
  const inputs = Object.fromEntries(Object.entries(definition.made?.deps ?? {}).map(([name, dep]) => [name, of(dep.key) ?? []]))
  const partitions = definition.partitions.spec
  return [{ name: definition.key, pieces: query.pieces, inputs, partitions, columns, yields: columns, where: query.where }]
}

const checkStatements = ({ definition, columns, checks }: Draft): readonly BoundStatement[] =>
  checks
    .filter((check): check is CheckSpec & { rule: 'sql' } => check.rule === 'sql')
    .map((check) => ({
      name: `the check '${check.name}' of ${definition.key}`,
      pieces: check.query,
      inputs: { [CHECKED_ROWS]: columns },
      partitions: definition.partitions.spec,
      columns,
      yields: undefined,
      where: check.where,
    }))
