import { type AssetDefinition, storedSchema } from '../assets/define-asset.ts'
import { type AssetSpec, REJECT_REASON, type RejectsSpec } from '../assets/spec.ts'
import { candidateColumns, writeSpec } from '../assets/write-mode.ts'
import type { Check, CheckSpec } from '../checks/check.ts'
import { checksFor, schemaChecks } from '../checks/expectations.ts'
import { AssayError } from '../errors.ts'
import { assetKey } from '../keys.ts'
import type { Dep } from '../partitions/mapping.ts'
import type { MappingSpec } from '../partitions/reach.ts'
import { resolveMapping } from '../partitions/resolve.ts'
import { type ColumnSpec, columnSpecs } from '../schema/column.ts'
import type { Lineage } from '../sql/lineage-sources.ts'
import { nullableWithin } from '../schema/iceberg-type.ts'
import type { Sql, SqlPiece } from '../sql/template.ts'
import { guardedHandles, guardedParams } from './handles.ts'
import type { Origins } from './origins.ts'
import { storedLineage } from './stored-lineage.ts'
import { placed } from './user-place.ts'

/** An asset on its way to becoming an {@link AssetSpec}. */
export interface Draft {
  readonly definition: AssetDefinition
  readonly columns: readonly ColumnSpec[]
  readonly checks: readonly CheckSpec[]
  /** The statement of a duckdb compute, with origins; undefined for other computes and where it could not be made. */
  readonly query: Sql | undefined
  /** What a function says of its lineage. */
  readonly declared: Lineage | undefined
}

/** The columns of an asset. @throws ASSAY-1011 when something in the schema is no column */
export function columnsOf(definition: AssetDefinition): readonly ColumnSpec[] {
  const schema = storedSchema(definition)
  const stray = Object.entries(schema).find(([, column]) => (column as { kind?: unknown } | undefined)?.kind === undefined)
  if (stray === undefined) return columnSpecs(schema)
  throw new AssayError('ASSAY-1011', `${definition.key}.${stray[0]} is no column`, {
    where: definition.where,
    next: 'Write a column as t.string(), t.long(), …; a zod object becomes columns by fromZod(…).',
  })
}

/**
 * Calls the query function of a duckdb compute with its deps as values.
 * @throws ASSAY-1011 for deps that DuckDB cannot tell apart, ASSAY-1014 for a dep, a column or a dimension that is not there, ASSAY-1012 when it returns no statement, and what the user's code throws
 */
export function queryOf(definition: AssetDefinition, columns: (key: string) => readonly ColumnSpec[], origins: Origins): Sql | undefined {
  const compute = definition.made?.compute
  if (compute?.kind !== 'duckdb') return undefined
  refuseSameNames(definition)
  const deps = Object.entries(definition.made?.deps ?? {}).map(([name, dep]): [string, readonly string[]] => [
    name,
    columns(dep.key).map((c) => c.name),
  ])
  const handles = guardedHandles(definition.key, Object.fromEntries(deps))
  const query = compute.query(handles as never, { partition: guardedParams(definition.partitions.spec) as never }) as Sql | undefined
  if (query === undefined || !Array.isArray(query.pieces))
    throw new AssayError('ASSAY-1012', `the query of ${definition.key} returns no sql\`…\``, {
      where: compute.where,
      next: 'Return sql`select …` from the function.',
    })
  return { where: query.where, pieces: ended(origins.locate(query.pieces)) }
}

/** Deps are names in the statement, and DuckDB's names have no case. */
function refuseSameNames({ key, made }: AssetDefinition): void {
  const names = Object.keys(made?.deps ?? {})
  const same = Map.groupBy(names, (name) => name.toLowerCase())
  const [first, second] = [...same.values()].find((group) => group.length > 1) ?? []
  if (first === undefined) return
  throw new AssayError('ASSAY-1011', `two deps of ${key} differ only in case: ${first} and ${second}`, {
    where: made?.where,
    next: 'Rename one of the two: names in DuckDB have no case.',
  })
}

/** Without a closing semicolon, and with a line end, so that it can stand in brackets also after a comment. */
function ended(pieces: readonly SqlPiece[]): readonly SqlPiece[] {
  const last = pieces.at(-1)
  if (last?.kind !== 'text') return pieces
  return [...pieces.slice(0, -1), { ...last, text: `${last.text.replace(/[\s;]+$/, '')}\n` }]
}

/**
 * The checks of an asset: those of the schema, then the user's own. One that repeats what the schema holds is dropped.
 * @throws ASSAY-1011 when two checks have the same name, and what the user's code throws
 */
export function checksOf(definition: AssetDefinition, stored: readonly ColumnSpec[], origins: Origins): readonly CheckSpec[] {
  const write = writeSpec(definition.write)
  const columns = candidateColumns(stored, write)
  // A merge refuses a key that is there twice by itself, or knows which row counts; a history has many rows of a key.
  const key = write === undefined || write.kind === 'append' ? definition.rowKey : []
  const specs = new Map<string, CheckSpec>(schemaChecks(columns, key).map((spec) => [spec.name, spec]))
  const own: readonly Check[] = definition.checks?.(checksFor(columns) as never) ?? []
  for (const { spec } of own) {
    const other = specs.get(spec.name)
    if (other === undefined) specs.set(spec.name, located(spec, origins))
    else if (!repeats(spec, other)) {
      const next = other.automatic ? `The schema of ${definition.key} holds this already, as a blocking check.` : 'Keep one of them.'
      throw new AssayError('ASSAY-1011', `${definition.key} has two checks called ${spec.name}`, { where: spec.where, next })
    }
  }
  return [...specs.values()]
}

const repeats = ({ where: _, ...spec }: CheckSpec, other: CheckSpec): boolean =>
  other.automatic && JSON.stringify({ ...other, ...spec, automatic: true }) === JSON.stringify(other)

const located = (spec: CheckSpec, origins: Origins): CheckSpec =>
  spec.rule === 'sql' ? { ...spec, query: ended(origins.locate(spec.query)) } : spec

/** What was found out of an asset beside its definition. */
interface Analysed {
  readonly codeVersion: string
  /** File that a worker imports. */
  readonly module: string
  readonly lineage: Lineage | undefined
}

/** The asset as plain data, its files relative to the root. */
export function specOf(draft: Draft, root: string, made: Analysed): AssetSpec {
  const { definition, columns, query } = draft
  const deps = Object.entries(definition.made?.deps ?? {}).map(([name, dep]) => ({
    name,
    asset: assetKey(dep.key),
    mapping: mappingOf(definition, dep),
    ...(dep.reads === undefined ? {} : { reads: dep.reads }),
  }))
  const kind = definition.made?.compute.kind
  const write = writeSpec(definition.write)
  return {
    key: definition.key,
    kind: definition.kind,
    ...placed(root, definition.where),
    ...definition.metadata,
    columns,
    rowKey: definition.rowKey,
    partitions: definition.partitions.spec,
    deps,
    ...(kind === undefined ? {} : { compute: kind === 'duckdb' ? { kind, query: query?.pieces ?? [] } : { kind, module: made.module } }),
    ...(made.lineage === undefined ? {} : { lineage: inColumnOrder(storedLineage(made.lineage, write), columns) }),
    codeVersion: made.codeVersion,
    checks: draft.checks.map((check) => ({ ...check, ...placed(root, check.where) })),
    ...(definition.quarantine ? { rejects: rejectsOf(definition, columns) } : {}),
    ...(write === undefined ? {} : { write }),
    ...(definition.sortBy.length === 0 ? {} : { sortBy: definition.sortBy }),
    ...(definition.timeout === undefined ? {} : { timeout: definition.timeout }),
    retry: definition.retry,
    backfill: definition.backfill,
  }
}

/** By the names of the schema, as SQL names have no case. */
function inColumnOrder({ columns, ...rest }: Lineage, schema: readonly ColumnSpec[]): Lineage {
  const byName = new Map(Object.entries(columns).map(([name, sources]) => [name.toLowerCase(), sources]))
  const known = schema.flatMap(({ name }) => {
    const sources = byName.get(name.toLowerCase())
    return sources === undefined ? [] : [[name, sources] as const]
  })
  return { columns: Object.fromEntries(known), ...rest }
}

/** @throws Error for a mapping that leads nowhere, which `validateAssets` has refused */
function mappingOf({ key, partitions }: AssetDefinition, dep: Dep): MappingSpec {
  const resolved = resolveMapping(dep.mapping, partitions.spec, dep.partitions.spec)
  if (resolved.fault !== undefined) throw new Error(`${key} reads ${dep.key} ${resolved.fault.what}`)
  return resolved.mapping
}

const rejectsOf = (definition: AssetDefinition, columns: readonly ColumnSpec[]): RejectsSpec => ({
  key: assetKey(`${definition.key}__rejects`),
  columns: [
    ...candidateColumns(columns, writeSpec(definition.write)).map(({ values: _, ...column }) => ({
      ...column,
      type: nullableWithin(column.type),
      nullable: true,
    })),
    { name: REJECT_REASON, type: 'string', nullable: false },
  ],
})
