import { asset, daily, externalAsset, staticPartitions, t, typescript } from 'assay'

const days = daily({ start: '2026-01-01' })
const files = externalAsset('web.files', { partitions: days })
const shops = externalAsset('web.shops', { partitions: staticPartitions(['de', 'fr']), schema: { country: t.string() } })
const rates = externalAsset('web.rates')

files.observe(({ partitions }) => Object.fromEntries(partitions.map((day) => [day, `version of ${day}`])))
shops.observe(async ({ log }) => { log.info('looking'); return new Map([['de', 'v1'], ['fr', undefined]]) })
rates.observe(async ({ use }) => { void use; return undefined })
rates.observe(() => 'v1')
asset('a.b', { partitions: days }).from({ files }, typescript(async () => {}))

// @ts-expect-error one version for many partitions
files.observe(() => 'v1')
// @ts-expect-error versions by partition of what has none
rates.observe(() => ({ de: 'v1' }))
// @ts-expect-error a version that is no text
rates.observe(async () => 7)
// @ts-expect-error a version that is no text, by partition
shops.observe(async () => ({ de: 7 }))
// @ts-expect-error only what others make is observed
asset('a.b', {}).observe(() => 'v1')
// @ts-expect-error what others make is not made
rates.from({}, typescript(async () => {}))
