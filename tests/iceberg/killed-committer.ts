import { join } from 'node:path'
import { openSqlCatalog } from '../../src/iceberg/catalogs/sql-catalog.ts'
import { localStore } from '../../src/iceberg/stores/local.ts'
import { publish, type Publishing } from '../../src/tables/publish.ts'
import { faultyCatalog } from '../support/faulty-catalog.ts'
import { faultyStore } from '../support/faulty-store.ts'
import type { Faults } from '../support/faults.ts'

/** Run by killed.ts: publishes what is staged, and dies by SIGKILL before or after one step of it. */
interface Task {
  readonly root: string
  /** With `readFrom` as a list of pairs. */
  readonly publishing: Omit<Publishing, 'readFrom'> & { readonly readFrom: readonly (readonly [string, string])[] }
  /** Which of the steps of a kind, from 0. */
  readonly kind: string
  readonly at: number
  readonly moment: 'before' | 'after'
}

const { root, publishing, kind, at, moment } = JSON.parse(process.argv[2] ?? '') as Task
const steps: string[] = []
const kindOf = (step: string): string => step.split(' ')[0] ?? ''
const die = (): void => {
  process.kill(process.pid, 'SIGKILL')
}
const faults: Faults = {
  steps,
  through: async (step, act) => {
    const isIt = kindOf(step) === kind && steps.filter((other) => kindOf(other) === kind).length === at
    steps.push(step)
    if (isIt && moment === 'before') die()
    const result = await act()
    if (isIt) die()
    return result
  },
}
const store = localStore()
const catalog = openSqlCatalog({ file: join(root, 'catalog.db'), warehouse: join(root, 'warehouse'), name: 'assay', store })
const lake = { store: faultyStore(store, faults), catalog: faultyCatalog(catalog, faults), now: () => 1 }
await publish(lake, { ...publishing, readFrom: new Map(publishing.readFrom) })
catalog.close()
console.log(JSON.stringify(steps))
