import { asset, changed, duckdb, sql, t } from 'assay'
import { customerChanges } from '../bronze/customer_changes.ts'

/** Evidence of who wanted the newsletter when: entries are added, and none is ever changed or taken out. */
export const consentLog = asset('silver.consent_log', {
  description: 'What customers said of the newsletter, entry by entry.',
  owners: ['data-protection'],
  tags: { retention: 'ten years' },
  schema: {
    customer_id: t.long(),
    told_at: t.timestamptz(),
    entry: t.enum(['wanted', 'not wanted', 'account closed']),
  },
  key: ['customer_id', 'told_at'],
  write: 'append',
})

consentLog.from(
  { changes: changed(customerChanges) },
  duckdb(({ changes }) => {
    const c = changes.as('c')
    return sql`
    select distinct ${c.customer_id}, ${c.changed_at} as told_at,
      case when ${c.op} = 'delete' then 'account closed' when ${c.newsletter} then 'wanted' else 'not wanted' end as entry
    from ${c}`
  }),
)
