import { daily, hourly, monthly } from 'assay'
import { CLICKSTREAM_START, clickstreamSettings } from './settings.ts'

const MS_A_DAY = 86_400_000

const endOf = (start: string, days: number): string =>
  new Date(Date.parse(`${start}T00:00:00Z`) + days * MS_A_DAY).toISOString().slice(0, 10)

/** The days of the clickstream, UTC. */
export const clickstreamDays = daily({ start: CLICKSTREAM_START, end: endOf(CLICKSTREAM_START, clickstreamSettings().days) })

/** The hours of the last seven of these days. */
export const lastHours = hourly({
  start: endOf(CLICKSTREAM_START, Math.max(0, clickstreamSettings().days - 7)),
  end: endOf(CLICKSTREAM_START, clickstreamSettings().days),
})

/** The days of Online Retail: local wall time of the shop. */
export const retailDays = daily({ start: '2010-12-01', end: '2011-09-01' })

/** The months of these days. */
export const retailMonths = monthly({ start: '2010-12', end: '2011-09' })
