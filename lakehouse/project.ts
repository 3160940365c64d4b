import { defineProject } from 'assay'
import { customerChanges as bronzeCustomerChanges } from './bronze/customer_changes.ts'
import { events as bronzeEvents } from './bronze/events.ts'
import { geoIp } from './bronze/geo_ip.ts'
import { retailLines } from './bronze/retail_lines.ts'
import { conversionBySource } from './gold/conversion_by_source.ts'
import { dailyRevenue } from './gold/daily_revenue.ts'
import { funnelDaily } from './gold/funnel_daily.ts'
import { retailDailyRevenue } from './gold/retail_daily_revenue.ts'
import { rfm } from './gold/rfm.ts'
import { topProductsDaily } from './gold/top_products_daily.ts'
import { customerChanges } from './landing/customer_changes.ts'
import { events as landing } from './landing/events.ts'
import { ENVIRONMENT } from './settings.ts'
import { customers } from './silver/customers.ts'
import { events as silverEvents } from './silver/events.ts'
import { newsletterSubscribers } from './silver/newsletter_subscribers.ts'
import { orders } from './silver/orders.ts'
import { retailOrders } from './silver/retail_orders.ts'
import { sessions } from './silver/sessions.ts'

/** The e-commerce platform that ships with Assay. */
export default defineProject({
  name: 'lakehouse',
  env: ENVIRONMENT,
  assets: {
    landing: { landing, customerChanges },
    bronze: { bronzeEvents, bronzeCustomerChanges, geoIp, retailLines },
    silver: { silverEvents, sessions, orders, customers, newsletterSubscribers, retailOrders },
    gold: { dailyRevenue, funnelDaily, conversionBySource, topProductsDaily, retailDailyRevenue, rfm },
  },
})
