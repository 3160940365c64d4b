import { defineProject } from 'assay'
import * as bronzeEvents from './bronze/events.ts'
import * as geoIp from './bronze/geo_ip.ts'
import * as retailLines from './bronze/retail_lines.ts'
import * as conversionBySource from './gold/conversion_by_source.ts'
import * as dailyRevenue from './gold/daily_revenue.ts'
import * as funnelDaily from './gold/funnel_daily.ts'
import * as retailDailyRevenue from './gold/retail_daily_revenue.ts'
import * as rfm from './gold/rfm.ts'
import * as topProductsDaily from './gold/top_products_daily.ts'
import * as landing from './landing/events.ts'
import { ENVIRONMENT } from './settings.ts'
import * as silverEvents from './silver/events.ts'
import * as orders from './silver/orders.ts'
import * as retailOrders from './silver/retail_orders.ts'
import * as sessions from './silver/sessions.ts'

/** The e-commerce platform that ships with Assay. */
export default defineProject({
  name: 'lakehouse',
  env: ENVIRONMENT,
  assets: {
    landing,
    bronze: { bronzeEvents, geoIp, retailLines },
    silver: { silverEvents, sessions, orders, retailOrders },
    gold: { dailyRevenue, funnelDaily, conversionBySource, topProductsDaily, retailDailyRevenue, rfm },
  },
})
