import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { externalAsset } from 'assay'
import { retailDays } from '../days.ts'
import { retailFile, retailFolder } from './retail.ts'

/** The files of Online Retail, one a day of trade. Others put them there; the version of a day is a hash of its file. */
export const retailFiles = externalAsset('sources.retail_files', {
  description: 'CSV files of Online Retail, by local day.',
  partitions: retailDays,
})

retailFiles.observe(({ partitions }) => {
  const folder = retailFolder()
  if (folder === undefined) return {}
  return Object.fromEntries(
    partitions.map(({ key: day }) => {
      const file = retailFile(folder, day)
      return [day, file === undefined ? undefined : createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 16)]
    }),
  )
})
