/** The files that `assay init` writes, by path: raw rows → clean rows → numbers, for one week of days. */
export const STARTER: Readonly<Record<string, string>> = {
  'project.ts': `import { defineProject } from 'assay'
import * as bronzeOrders from './bronze/orders.ts'
import * as goldDailyRevenue from './gold/daily_revenue.ts'
import * as silverOrders from './silver/orders.ts'

export default defineProject({
  name: 'shop',
  assets: { bronzeOrders, silverOrders, goldDailyRevenue },
})
`,
  'bronze/orders.ts': `import { asset, daily, Instant, t, typescript } from 'assay'

/** One week, a partition a day. Without \`end\` the days go on until yesterday. */
export const week = daily({ start: '2026-01-05', end: '2026-01-12' })

/** Orders as the shop sends them: everything is text, and some of it is sent twice. */
export const rawOrders = asset('bronze.orders', {
  description: 'Orders as the shop sends them',
  partitions: week.on('received_at'),
  schema: {
    order_id: t.string(),
    received_at: t.timestamptz(),
    customer: t.string(),
    kind: t.string(),
    amount: t.string(),
  },
})

const KINDS = ['book', 'book', 'record', 'poster', 'return']

// A function makes the rows: read an API, a file, a queue. This one invents them, the same ones each time.
rawOrders.from(
  {},
  typescript(function* (_inputs, row, { partitions }) {
    for (const { key: day } of partitions) {
      for (let n = 0; n < 40; n++) {
        const order = n % 13 === 12 ? n - 1 : n // a few come twice
        yield row({
          order_id: \`\${day}-\${order}\`,
          received_at: Instant.parse(\`\${day}T\${String(8 + Math.floor(order / 4)).padStart(2, '0')}:00:00Z\`),
          customer: \`customer \${(order * 7) % 11}\`,
          kind: KINDS[order % KINDS.length] ?? 'book',
          amount: \`\${5 + ((order * 37) % 60)}.\${order % 2 === 0 ? '00' : '50'}\`,
        })
      }
    }
  }),
)
`,
  'silver/orders.ts': `import { asset, duckdb, sql, t } from 'assay'
import { rawOrders, week } from '../bronze/orders.ts'

/** Each order once, with real types. Nothing is published unless its checks hold. */
export const orders = asset('silver.orders', {
  description: 'Each order once, typed and checked',
  partitions: week.on('ordered_at'),
  schema: {
    order_id: t.string(),
    ordered_at: t.timestamptz(),
    customer: t.string(),
    kind: t.enum(['book', 'record', 'poster', 'return']),
    amount: t.decimal(10, 2),
  },
  key: ['order_id'],
  checks: (c) => [c.amount.between(0, 500), c.$rows.count.between(1, 10_000, { mode: 'warn' })],
})

// \`raw\` holds the same day as the one being made. Renaming a column upstream breaks this where you type.
orders.from(
  { raw: rawOrders },
  duckdb(
    ({ raw }) => sql\`
      select distinct
        \${raw.order_id},
        \${raw.received_at} as ordered_at,
        \${raw.customer},
        \${raw.kind},
        \${raw.amount}::decimal(10, 2) as amount
      from \${raw}
    \`,
  ),
)
`,
  'gold/daily_revenue.ts': `import { asset, duckdb, sql, t } from 'assay'
import { week } from '../bronze/orders.ts'
import { orders } from '../silver/orders.ts'

/** Revenue by day and kind; what came back counts against it. */
export const dailyRevenue = asset('gold.daily_revenue', {
  description: 'Revenue by day and kind',
  partitions: week.on('day'),
  schema: {
    day: t.date(),
    kind: t.string(),
    orders: t.long(),
    revenue: t.decimal(12, 2),
  },
  key: ['day', 'kind'],
})

dailyRevenue.from(
  { orders },
  duckdb(
    ({ orders: o }) => sql\`
      select
        \${o.ordered_at}::date as day,
        \${o.kind},
        count(*) as orders,
        sum(case when \${o.kind} = 'return' then -\${o.amount} else \${o.amount} end)::decimal(12, 2) as revenue
      from \${o}
      group by all
    \`,
  ),
)
`,
  'tsconfig.json': `{
  "compilerOptions": {
    "target": "es2024",
    "module": "nodenext",
    "strict": true,
    "noUncheckedIndexedAccess": true,
    "verbatimModuleSyntax": true,
    "erasableSyntaxOnly": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  }
}
`,
  '.gitignore': `.assay/
node_modules/
`,
}
