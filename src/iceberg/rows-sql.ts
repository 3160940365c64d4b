import { type SelectPlaced, withoutDeleted } from './deletes.ts'
import { type Source, sourcesOf } from './name-mapping.ts'
import type { ScanPlan } from './plan-scan.ts'
import { scanSql } from './scan.ts'
import type { Store } from './store.ts'
import { quoteIdentifier } from '../schema/iceberg-type.ts'
import type { SqlSession } from '../sql/engine.ts'

/** What the rows of a plan are read with. The session answers questions about files; the relation may run in another. */
export interface Reader {
  readonly store: Store
  readonly session: Pick<SqlSession, 'rows'>
}

/**
 * One SELECT over the rows of a plan, all columns of its schema. Files without deletes and with field ids, which is most,
 * are read as they are.
 * @throws ASSAY-2003, ASSAY-2004, ASSAY-2005
 */
export async function rowsSql(reader: Reader, plan: ScanPlan): Promise<string> {
  const sources = await sourcesOf(reader, plan.metadata, plan.files)
  const parts = (await Promise.all(sources.map((source) => partsOf(reader.store, plan, source)))).flat()
  return parts.length === 0 ? scanSql(reader.store, plan.schema, []) : parts.join(' UNION ALL ')
}

async function partsOf(store: Store, plan: ScanPlan, { files, select }: Source): Promise<readonly string[]> {
  const whole = files.filter((target) => target.deletes.length === 0)
  const cut = files.filter((target) => target.deletes.length > 0)
  const placed: SelectPlaced =
    select ?? ((schema, some) => scanSql(store, schema, some, { history: plan.metadata.schemas, places: 'filename' }))
  return [
    ...(whole.length === 0 ? [] : [wholeSql(store, plan, whole, select)]),
    ...(cut.length === 0 ? [] : [await withoutDeleted(store, plan, cut, placed)]),
  ]
}

function wholeSql(store: Store, { metadata, schema }: ScanPlan, targets: ScanPlan['files'], select: SelectPlaced | undefined): string {
  const files = targets.map((target) => target.file)
  if (select === undefined) return scanSql(store, schema, files, { history: metadata.schemas })
  return `SELECT ${schema.fields.map((field) => quoteIdentifier(field.name)).join(', ')} FROM (${select(schema, files)})`
}
