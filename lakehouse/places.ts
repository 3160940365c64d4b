import { type ColumnRef, type Sql, sql, staticPartitions } from 'assay'

/** Countries that the shop sells to, by sales region. */
export const COUNTRIES_OF = {
  central: ['AT', 'DE'],
  north: ['FI', 'IE'],
  south: ['ES', 'IT', 'PT'],
  west: ['BE', 'FR', 'NL'],
} as const

const COUNTRIES = ['AT', 'BE', 'DE', 'ES', 'FI', 'FR', 'IE', 'IT', 'NL', 'PT'] as const

/** A partition for each country that the shop sells to. */
export const shopCountries = staticPartitions(COUNTRIES)

/** The same, and `unknown` for orders of which nobody knows the country. */
export const orderCountries = staticPartitions([...COUNTRIES, 'unknown'])

/** A partition for each sales region; `unknown` has orders, but neither countries nor stores. */
export const regions = staticPartitions(['central', 'north', 'south', 'west', 'unknown'])

/** The value of {@link orderCountries} for a country: a country that is not in the list counts as unknown, so that no sum loses it. */
export const orderCountry = (country: ColumnRef): Sql =>
  sql`case when list_contains([${listed(COUNTRIES)}], ${country}) then ${country} else 'unknown' end`

const listed = (texts: readonly string[]): Sql => texts.map((text) => sql`${text}`).reduce((before, next) => sql`${before}, ${next}`)
