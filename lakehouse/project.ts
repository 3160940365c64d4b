import { defineProject } from 'assay'
import { catalogue } from './bronze/catalogue.ts'
import { customerChanges as bronzeCustomerChanges } from './bronze/customer_changes.ts'
import { events as bronzeEvents } from './bronze/events.ts'
import { geoIp } from './bronze/geo_ip.ts'
import { retailLines } from './bronze/retail_lines.ts'
import { stores as bronzeStores } from './bronze/stores.ts'
import { abTestResults } from './gold/ab_test_results.ts'
import { conversionBySource } from './gold/conversion_by_source.ts'
import { dailyRevenue } from './gold/daily_revenue.ts'
import { frontPage } from './gold/front_page.ts'
import { funnelDaily } from './gold/funnel_daily.ts'
import { retailDailyRevenue } from './gold/retail_daily_revenue.ts'
import { retailMonthlyRevenue } from './gold/retail_monthly_revenue.ts'
import { revenueByCountry } from './gold/revenue_by_country.ts'
import { revenueByRegion } from './gold/revenue_by_region.ts'
import { rfm } from './gold/rfm.ts'
import { topProductsDaily } from './gold/top_products_daily.ts'
import { trafficHourly } from './gold/traffic_hourly.ts'
import { customerChanges } from './landing/customer_changes.ts'
import { events as landing } from './landing/events.ts'
import { ENVIRONMENT } from './settings.ts'
import { consentLog } from './silver/consent_log.ts'
import { customers } from './silver/customers.ts'
import { events as silverEvents } from './silver/events.ts'
import { newsletterSubscribers } from './silver/newsletter_subscribers.ts'
import { orderLines, orders } from './silver/orders.ts'
import { products } from './silver/products.ts'
import { retailOrders } from './silver/retail_orders.ts'
import { sessions } from './silver/sessions.ts'
import { stores } from './silver/stores.ts'
import { retailFiles } from './sources/retail_files.ts'

/** The e-commerce platform that ships with Assay. */
export default defineProject({
  name: 'lakehouse',
  env: ENVIRONMENT,
  assets: {
    landing: { landing, customerChanges },
    sources: { retailFiles },
    bronze: { bronzeEvents, bronzeCustomerChanges, catalogue, geoIp, bronzeStores, retailLines },
    silver: { silverEvents, sessions, orders, orderLines, customers, newsletterSubscribers, consentLog, products, stores, retailOrders },
    gold: {
      ...{ dailyRevenue, revenueByCountry, revenueByRegion, funnelDaily, trafficHourly, conversionBySource, topProductsDaily },
      ...{ frontPage, abTestResults, retailDailyRevenue, retailMonthlyRevenue, rfm },
    },
  },
})
