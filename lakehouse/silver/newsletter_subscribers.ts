import { asset, changed, duckdb, merge, sql, t } from 'assay'
import { customerChanges } from '../bronze/customer_changes.ts'

/** Who gets the newsletter now. A row goes with the consent: what is no longer wanted is not kept. */
export const newsletterSubscribers = asset('silver.newsletter_subscribers', {
  description: 'Customers who want the newsletter.',
  schema: {
    customer_id: t.long(),
    country: t.string(),
    tier: t.enum(['standard', 'plus']),
    changed_at: t.timestamptz().describe('Last change of the account.'),
  },
  key: ['customer_id'],
  write: merge({ deleteWhen: 'is_out', latestBy: 'changed_at' }),
})

newsletterSubscribers.from(
  { changes: changed(customerChanges) },
  duckdb(({ changes }) => {
    const c = changes.as('c')
    return sql`
    select ${c.customer_id}, ${c.country}, ${c.tier}, ${c.changed_at}, ${c.op} = 'delete' or not ${c.newsletter} as is_out
    from ${c}`
  }),
)
