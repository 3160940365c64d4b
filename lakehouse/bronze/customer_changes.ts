import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { AssayError, asset, type Sql, sql, t, typescript } from 'assay'
import { clickstreamDays } from '../days.ts'
import { customerChanges as landing } from '../landing/customer_changes.ts'
import { landingFolder } from '../settings.ts'

/** Every change to an account as the outbox told it, doubles included. */
export const customerChanges = asset('bronze.customer_changes', {
  description: 'Changes to customer accounts, by day.',
  partitions: clickstreamDays.on('changed_at'),
  schema: {
    customer_id: t.long(),
    changed_at: t.timestamptz(),
    op: t.enum(['upsert', 'delete']),
    city: t.string().nullable(),
    country: t.string().nullable(),
    tier: t.string().nullable(),
    newsletter: t.boolean().nullable().describe('Whether the customer wants the newsletter.'),
  },
  checks: (c) => [
    c.$rows.sql('what is not deleted is whole', (r) => {
      const { op, city, country, tier, newsletter } = r
      return sql`select * from ${r} where ${op} = 'upsert' and (${city} is null or ${country} is null or ${tier} is null or ${newsletter} is null)`
    }),
  ],
  backfill: { partitionsPerStep: 366 },
})

customerChanges.from(
  { landing },
  typescript(async (_inputs, _row, { partitions }) => {
    const files = partitions.map(({ key: day }) => join(landingFolder(), 'customers', `${day}.ndjson`))
    const lost = files.find((file) => !existsSync(file))
    if (lost !== undefined)
      throw new AssayError('ASSAY-2005', `${lost} is not there`, {
        next: 'Land the file again: assay materialize landing.customer_changes --force.',
      })
    return sql`
    select customer_id, changed_at, op, city, country, tier, newsletter
    from read_ndjson([${listOf(files)}], columns = {'customer_id': 'BIGINT', 'changed_at': 'TIMESTAMPTZ', 'op': 'VARCHAR', 'city': 'VARCHAR',
      'country': 'VARCHAR', 'tier': 'VARCHAR', 'newsletter': 'BOOLEAN'})`
  }),
)

const listOf = (files: readonly string[]): Sql => files.map((file) => sql`${file}`).reduce((before, next) => sql`${before}, ${next}`)
