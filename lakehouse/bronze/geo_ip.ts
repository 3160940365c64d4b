import { asset, sql, t, typescript } from 'assay'
import { citiesOf } from '../generator/geography.ts'
import { clickstreamSettings } from '../settings.ts'

/** Where an IPv4 address is at home. Ranges do not overlap. */
export const geoIp = asset('bronze.geo_ip', {
  description: 'Ranges of IPv4 addresses with country and city.',
  schema: {
    ip_from: t.long().describe('First address of the range, as a number.'),
    ip_to: t.long().describe('Last address of the range, as a number.'),
    country: t.string().describe('ISO 3166 code.'),
    city: t.string(),
  },
  key: ['ip_from'],
  checks: (c) => [
    c.$rows.count.between(1, 1_000),
    c.ip_from.between(0, 0xffff_ffff),
    c.$rows.sql('ranges do not overlap', (r) => {
      const a = r.as('a')
      const b = r.as('b')
      return sql`select ${a.ip_from}, ${b.ip_from} as other from ${a} join ${b} on ${a.ip_from} < ${b.ip_from} and ${a.ip_to} >= ${b.ip_from}`
    }),
    c.$rows.sql('a range has addresses', (r) => sql`select * from ${r} where ${r.ip_to} < ${r.ip_from}`),
  ],
})

geoIp.from(
  {},
  typescript(function* (_inputs, row) {
    for (const { name, country, ranges } of citiesOf(clickstreamSettings().seed)) {
      for (const { from, to } of ranges) yield row({ ip_from: BigInt(from), ip_to: BigInt(to), country, city: name })
    }
  }),
)
