import type { AssetDefinition } from '../assets/define-asset.ts'
import { candidateColumns, writeSpec, yieldedColumns } from '../assets/write-mode.ts'
import { CHECKED_ROWS, type CheckSpec } from '../checks/check.ts'
import { AssayError } from '../errors.ts'
import type { SqlEngine } from '../sql/engine.ts'
import type { Lineage } from '../sql/lineage-sources.ts'
import { aggregatesOf, type Binder, bindStatement, type BoundStatement, boundsFault, columnFault, type StatementFacts } from './analyse.ts'
import { bindMany } from './bind-many.ts'
import type { Draft } from './draft.ts'
import type { ColumnsOf } from './draft-all.ts'
import type { LoadRequest } from './load.ts'
import { openStatementCache } from './statement-cache.ts'

/** What came out of the statements of a project. */
export interface Analysis {
  /** Lineage of the queries that bind, by definition. */
  readonly lineage: ReadonlyMap<AssetDefinition, Lineage>
  readonly faults: readonly AssayError[]
}

/**
 * Binds all statements that have changed; DuckDB is loaded only when there are any.
 * @param others assets of the project beside these, where these are not all
 */
export async function analyseAll(request: LoadRequest, drafts: readonly Draft[], others?: ColumnsOf): Promise<Analysis> {
  const cache = openStatementCache(request)
  const asked = statementsOf(drafts, others)
  const missing = cache.missing(
    asked.flatMap(({ query, checks }) => [...query, ...checks]).filter((statement) => boundsFault(statement) === undefined),
  )
  for (const [i, facts] of (await bindMany(missing)).entries()) cache.keep(missing[i], facts)
  const binder = lazyBinder()
  try {
    const bind = (statement: BoundStatement) => cache.factsOf(statement, async () => bindStatement(await binder.open(), statement))
    const analysis = await analysisOf(asked, bind)
    cache.save(others === undefined)
    return analysis
  } finally {
    binder.close()
  }
}

/** @param factsFor binds a statement, or knows it. @throws what that throws, but for errors of the catalogue */
export const analyseDrafts = (drafts: readonly Draft[], factsFor: FactsFor): Promise<Analysis> => analysisOf(statementsOf(drafts), factsFor)

type FactsFor = (statement: BoundStatement) => Promise<StatementFacts>

async function analysisOf(asked: readonly Asked[], factsFor: FactsFor): Promise<Analysis> {
  const lineage = new Map<AssetDefinition, Lineage>()
  const faults: AssayError[] = []
  for (const { draft, query, checks } of asked) {
    for (const statement of [...query, ...checks]) {
      const facts = await factsOf(statement, factsFor)
      if (facts instanceof AssayError) faults.push(facts)
      else if (statement === query[0]) lineage.set(draft.definition, facts.lineage)
    }
  }
  return { lineage, faults }
}

interface Asked {
  readonly draft: Draft
  /** None or one. */
  readonly query: readonly BoundStatement[]
  readonly checks: readonly BoundStatement[]
}

function statementsOf(drafts: readonly Draft[], others: ColumnsOf = () => undefined): readonly Asked[] {
  const columns = new Map(drafts.map((draft) => [String(draft.definition.key), draft.columns]))
  const read: ColumnsOf = (key) => columns.get(key) ?? others(key)
  return drafts.map((draft) => ({ draft, query: queryStatement(draft, read), checks: checkStatements(draft) }))
}

async function factsOf(statement: BoundStatement, factsFor: FactsFor): Promise<StatementFacts | AssayError> {
  const fault = boundsFault(statement)
  if (fault !== undefined) return fault
  try {
    const facts = await factsFor(statement)
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
    return openBinder(engine)
  }
  return { open: () => (binder ??= make()), close: () => engine?.close() }
}

/** A session that statements are bound in. */
export async function openBinder(engine: SqlEngine): Promise<Binder> {
  const session = await engine.session()
  return { session, aggregates: await aggregatesOf(session) }
}

function queryStatement({ definition, columns, query }: Draft, read: ColumnsOf): readonly BoundStatement[] {
  if (query === undefined) return []
  const inputs = Object.fromEntries(Object.entries(definition.made?.deps ?? {}).map(([name, dep]) => [name, read(dep.key) ?? []]))
  const partitions = definition.partitions.spec
  const yields = yieldedColumns(columns, writeSpec(definition.write))
  return [{ name: definition.key, pieces: query.pieces, inputs, partitions, columns, yields, where: query.where }]
}

const checkStatements = ({ definition, columns, checks }: Draft): readonly BoundStatement[] =>
  checks
    .filter((check): check is CheckSpec & { rule: 'sql' } => check.rule === 'sql')
    .map((check) => ({
      name: `the check '${check.name}' of ${definition.key}`,
      pieces: check.query,
      inputs: { [CHECKED_ROWS]: candidateColumns(columns, writeSpec(definition.write)) },
      partitions: definition.partitions.spec,
      columns,
      yields: undefined,
      where: check.where,
    }))
