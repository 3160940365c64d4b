import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Folder, jsonLines, openFolder, type Ran, settled } from './command-line.ts'

let folder: Folder

beforeEach(async () => {
  folder = await openFolder()
  await folder.tell(['init'])
}, 20_000)
afterEach(() => folder.remove())

describe('a run that fails', () => {
  it('shows a blocked check once with the code around it, keeps readers on nothing, and is retried', async () => {
    await folder.edit('silver/orders.ts', 'between(0, 500)', 'between(0, 40)')
    const run = await folder.assay(['materialize'], { columns: 80 })
    expect(run.code).toBe(1)
    expect(run.stdout.match(/ASSAY-5001/g)).toHaveLength(1)
    await expect(
      settled(run.stdout, folder.path)
        .replaceAll(/(\{"order_id").*/g, '$1…')
        .replaceAll(/2026-01-\d\d blocked/g, '<day> blocked'),
    ).toMatchFileSnapshot('goldens/blocked.txt')
    expect((await folder.tell(['ls', 'silver.orders'])).stdout).toContain('missing, last attempt blocked')
    expect((await folder.tell(['why', 'silver.orders'])).stdout).toContain('blocked: ASSAY-5001')
    const logs = await folder.tell(['logs', String(jsonLines((await folder.tell(['logs', '--json'])).stdout)[0]?.['id'])])
    expect(logs.stdout).toContain('ASSAY-5001')
    await folder.edit('silver/orders.ts', 'between(0, 40)', 'between(0, 500)')
    const retried = await folder.assay(['retry'])
    expect(retried.stdout).toContain('done in')
    expect(retried.stdout).not.toContain('made     bronze.orders')
    expect(retried.code).toBe(0)
    expect((await folder.assay(['plan', '--exit-code'])).code).toBe(0)
  }, 60_000)

  it('points at the line of an exception, and logs keep what was printed', async () => {
    await folder.edit(
      'bronze/orders.ts',
      '      for (let n',
      "      console.log('day', day)\n      if (day === '2026-01-07') throw new Error('the API is down')\n      for (let n",
    )
    const run = await folder.assay(['materialize'])
    expect(run.code).toBe(1)
    expect(run.stdout).toContain("> 27 |       if (day === '2026-01-07') throw new Error('the API is down')")
    expect(run.stdout).toContain('skipped  silver.orders 2026-01-07: bronze.orders failed')
    expect(run.stdout).toContain('failed in')
    const id = String(jsonLines((await folder.tell(['logs', '--json'])).stdout)[0]?.['id'])
    expect((await folder.tell(['logs', id, 'bronze.orders'])).stdout).toContain('stdout  day 2026-01-06')
    const unknown = await folder.tell(['logs', id, 'bronze.order'])
    expect(unknown.stderr).toContain('bronze.orders')
    expect((await folder.assay(['plan', '--exit-code'])).code).toBe(4)
  }, 60_000)

  it('has an exit code of its own for errors in the project', async () => {
    await folder.edit('gold/daily_revenue.ts', 'group by all', 'group by nothing')
    const plan = await folder.assay(['plan'])
    expect(plan.code).toBe(3)
    expect(plan.stderr).toContain('ASSAY-1012')
    expect(plan.stderr).toContain('gold/daily_revenue.ts:')
    expect(plan.stderr).toMatch(/> \d+ \|\s+group by nothing/)
    expect(jsonLines((await folder.tell(['plan', '--json'])).stdout)).toMatchObject([{ type: 'error', problem: { code: 'ASSAY-1012' } }])
  }, 60_000)
})

describe('a run that is interrupted', () => {
  it('lets nobody else write meanwhile, ends with 130, and is continued by retry', async () => {
    await folder.edit('bronze/orders.ts', 'typescript(function*', 'typescript(async function*')
    await folder.edit(
      'bronze/orders.ts',
      '      for (let n',
      "      if (day > '2026-01-06') await new Promise(() => setInterval(() => {}, 1000))\n      for (let n",
    )
    let second: Promise<Ran> | undefined
    const run = await folder.assay(['materialize', '--json'], {
      when: {
        printed: (stdout) => stdout.split('"step.started"').length > 3,
        act: (child) => {
          second = folder.assay(['materialize']).finally(() => child.kill('SIGINT'))
        },
      },
    })
    expect(await second).toMatchObject({ code: 1, stderr: expect.stringContaining('ASSAY-3001') })
    expect(run.code).toBe(130)
    expect(jsonLines(run.stdout).at(-1)).toMatchObject({ type: 'summary', state: 'interrupted' })
    await folder.edit('bronze/orders.ts', "if (day > '2026-01-06')", 'if (false)')
    const retried = await folder.assay(['retry'])
    expect(retried.code).toBe(0)
    expect((await folder.tell(['ls'])).stdout).toMatch(/gold\.daily_revenue .* 7 of 7 {2}fresh/)
  }, 60_000)

  it('that was killed is told of by the next one', async () => {
    await folder.edit(
      'bronze/orders.ts',
      '    for (const { key: day } of partitions) {',
      "    for (const { key: day } of partitions) {\n      if (day > '2026-01-06') while (true) {}",
    )
    const run = await folder.assay(['materialize', '--json'], {
      when: {
        printed: (stdout) => stdout.includes('"step.started"'),
        act: (child) => {
          child.kill('SIGKILL')
        },
      },
    })
    expect(run.code).toBe(null)
    await folder.edit('bronze/orders.ts', "if (day > '2026-01-06') while (true) {}", '')
    const next = await folder.assay(['materialize'])
    expect(next.stdout).toMatch(/^run [0-9a-z]{16} \(materialize\) had been cut off: /)
    expect(next.code).toBe(0)
  }, 60_000)
})
