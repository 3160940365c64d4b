import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RanProject, type TestProject, testProject } from '../support/project.ts'

const FILES = {
  'crm.ts': `import { appendFileSync } from 'node:fs'
import { resource, secret } from 'assay'
import { z } from 'zod'
export const crm = resource('crm', {
  settings: z.object({ token: z.string().transform(secret) }),
  open: ({ token }) => { appendFileSync('told', 'open '); return { token: token.reveal(), rows: 2n } },
  close: () => appendFileSync('told', 'close '),
})
`,
  'assets.ts': `import { asset, t, typescript } from 'assay'
import { crm } from './crm.ts'
export const one = asset('a.one', { schema: { n: t.long() } })
one.from({}, typescript(async function* (_, row, { use, log }) {
  const { token, rows } = await use(crm)
  log.info('logged ' + token)
  console.log('printed ' + token)
  yield row({ n: rows })
}))
export const two = asset('a.two', {})
two.from({ one }, typescript(async (_, __, { use }) => { throw new Error('refused ' + (await use(crm)).token) }))
`,
  'project.ts': `import { defineProject, resource, swap } from 'assay'
import * as assets from './assets.ts'
import { crm } from './crm.ts'
const fake = resource('fake', { open: () => ({ token: 'none', rows: 7n }) })
export default defineProject({ name: 'test', assets, profiles: { test: [swap(crm, fake)] } })
`,
}

describe('a compute that uses a resource', () => {
  let p: TestProject
  let ran: RanProject
  beforeAll(async () => {
    p = await testProject(FILES)
    process.env['CRM_TOKEN'] = 'hunter2hunter2'
    ran = await p.run({ cold: true })
    delete process.env['CRM_TOKEN']
  })
  afterAll(() => p.remove())

  it('has it opened once a worker, and closed in the end', async () => {
    expect(await p.rows('a.one')).toEqual([{ n: 2n }])
    expect(readFileSync(join(p.root, 'told'), 'utf8')).toBe('open close ')
  })

  it('lets nothing of a secret out: not in logs, output or errors', async () => {
    const failed = ran.events.find((e) => e.type === 'step.failed')
    expect(failed).toMatchObject({ problem: { code: 'ASSAY-3003', what: 'Error: refused [secret]' } })
    const files = readdirSync(p.settings.home, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
    const texts = files.map((file) => join(file.parentPath, file.name))
    const all = texts.map((file) => readFileSync(file, 'latin1')).join('')
    expect(all).toContain('logged [secret]')
    expect(all).toContain('printed [secret]')
    expect(all).not.toContain('hunter2')
  })

  it('gets what the profile has in its place, and is not stale for it', async () => {
    const again = await p.run({ profile: 'test', select: 'a.one' })
    expect(again.plan.steps).toEqual([])
    expect((await p.run({ profile: 'test', select: 'a.one', force: true })).state).toBe('succeeded')
    expect(await p.rows('a.one')).toEqual([{ n: 7n }])
    await expect(p.run({ profile: 'tset' })).rejects.toMatchObject({ code: 'ASSAY-1018', details: ['it has local, test'] })
  })

  it('fails with the name of the variable where a setting is missing', async () => {
    const { events } = await p.run({ select: 'a.one', force: true })
    expect(events.find((e) => e.type === 'step.failed')).toMatchObject({
      problem: {
        code: 'ASSAY-1019',
        where: { file: expect.stringContaining('crm.ts'), line: 4 },
        details: [expect.stringContaining('CRM_TOKEN')],
      },
    })
  })
})
