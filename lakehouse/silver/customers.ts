import { asset, changed, duckdb, history, sql, t } from 'assay'
import { customerChanges } from '../bronze/customer_changes.ts'

/** One row for each time in which an account stood as it did; none while it was closed. */
export const customers = asset('silver.customers', {
  description: 'Customers with their history: where they lived and what they were, and when.',
  schema: {
    customer_id: t.long(),
    city: t.string(),
    country: t.string(),
    tier: t.enum(['standard', 'plus']),
    newsletter: t.boolean().describe('Whether the customer wants the newsletter.'),
  },
  key: ['customer_id'],
  write: history({ deleteWhen: 'is_closed', as: 'merge-on-read' }),
})

customers.from(
  { changes: changed(customerChanges) },
  duckdb(({ changes }) => {
    const c = changes.as('c')
    return sql`
    select ${c.customer_id}, ${c.city}, ${c.country}, ${c.tier}, ${c.newsletter}, ${c.changed_at} as valid_from, ${c.op} = 'delete' as is_closed
    from ${c}`
  }),
)
