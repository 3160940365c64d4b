import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { planLine } from '../../src/cli/plan-format.ts'
import { type Folder, openFolder } from './command-line.ts'

describe('materialize --plan', () => {
  let folder: Folder
  const planOf = async (...args: readonly string[]): Promise<string> => {
    const line = planLine.parse(JSON.parse((await folder.tell(['plan', ...args, '--json'])).stdout))
    expect(Object.keys(line.partitions)).toEqual(line.plan.assets.filter(({ run }) => run.length > 0).map(({ asset }) => asset))
    return line.plan.id
  }
  beforeAll(async () => {
    folder = await openFolder()
    await folder.tell(['init'])
  })
  afterAll(() => folder.remove())

  it('runs the plan that was shown, as it was asked for', async () => {
    const id = await planOf('+gold.daily_revenue', '--partition', '2026-01-05..2026-01-06')
    const { code, stdout } = await folder.tell(['materialize', '--plan', id])
    expect(code).toBe(0)
    expect(stdout).toContain('made     gold.daily_revenue: 2 of 2 partitions')
  })

  it('runs nothing when it is outdated, and says what is different', async () => {
    const id = await planOf()
    await folder.edit('silver/orders.ts', 'between(0, 500)', 'between(0, 501)')
    const changed = await folder.tell(['materialize', '--plan', id])
    expect(changed.code).toBe(1)
    expect(changed.stderr).toContain(`ASSAY-3011  plan ${id} is outdated`)
    expect(changed.stderr).toContain('the project was changed since')

    const second = await planOf('bronze.orders')
    await folder.tell(['materialize', 'bronze.orders', '--partition', '2026-01-07'])
    const { stderr } = await folder.tell(['materialize', '--plan', second])
    expect(stderr).toContain('bronze.orders: no longer 2026-01-07')
    expect((await folder.tell(['ls', 'bronze.orders'])).stdout).toContain('3 of 7')
  })

  it('says when there is none, and takes no other wishes', async () => {
    expect((await folder.tell(['materialize', '--plan', '0123'])).stderr).toContain('ASSAY-3010')
    expect((await folder.tell(['materialize', '--plan', '../state'])).stderr).toContain('ASSAY-3010')
    expect((await folder.tell(['materialize', 'gold.daily_revenue', '--plan', '0123'])).stderr).toContain('ASSAY-4002')
  })
})
