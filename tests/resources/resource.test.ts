import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { openedResources } from '../../src/resources/opened.ts'
import { resource, swap } from '../../src/resources/resource.ts'
import { settingsOf, variableOf } from '../../src/resources/resource-settings.ts'
import { masked, type Secret, secret } from '../../src/resources/secret.ts'

let root: string
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'assay-resources-'))
  writeFileSync(join(root, 'assay.settings.json'), '{ "crm": { "url": "http://file", "port": 1 }, "other": 3 }')
  writeFileSync(join(root, 'assay.settings.test.json'), '{ "crm": { "url": "http://test" } }')
  writeFileSync(join(root, 'token'), 'from-a-file\n')
})
afterAll(() => rmSync(root, { recursive: true }))
const from = (env: NodeJS.ProcessEnv, profile = 'local') => ({ root, profile, env })

describe('a secret', () => {
  it('prints nowhere', () => {
    const token = secret('t0ps3cret')
    const holder = { token, list: [token], map: new Map([['token', token]]) }
    const texts = [`${token}`, String(token), JSON.stringify(holder), inspect(holder, { depth: 9, showHidden: true }), inspect(token)]
    for (const text of texts) expect(text).not.toContain('t0ps3cret')
    expect(JSON.stringify({ ...token, ...Object.assign({}, token) })).toBe('{}')
    expect(new Error(`no access with ${token}`).message).toBe('no access with [secret]')
    expect(token.reveal()).toBe('t0ps3cret')
  })

  it('is masked in the texts of others, the longer one first', () => {
    secret('abcdef')
    secret('abcdefghi')
    expect(masked('x abcdefghi abcdef abcde')).toBe('x [secret] [secret] abcde')
  })
})

describe('settings', () => {
  const settings = z.object({ url: z.url(), port: z.coerce.number(), apiToken: z.string().transform(secret).optional() })
  const crm = resource('crm', { settings, open: () => 0 })
  const of = (env: NodeJS.ProcessEnv, profile?: string) => settingsOf(crm, from(env, profile)) as z.output<typeof settings>

  it('come from the environment, then the file of the profile, then the file', () => {
    expect(of({})).toEqual({ url: 'http://file', port: 1 })
    expect(of({}, 'test')).toEqual({ url: 'http://test', port: 1 })
    expect(of({ CRM_URL: 'http://env', CRM_PORT: '7' }, 'test')).toEqual({ url: 'http://env', port: 7 })
    expect(of({ CRM_API_TOKEN_FILE: join(root, 'token') }).apiToken?.reveal()).toBe('from-a-file')
    expect(of({ CRM_API_TOKEN_FILE: join(root, 'token'), CRM_API_TOKEN: 'itself' }).apiToken?.reveal()).toBe('itself')
  })

  it.each([
    ['crm', 'apiToken', 'CRM_API_TOKEN'],
    ['sales_db', 'host', 'SALES_DB_HOST'],
    ['salesDb', 'maxRows2', 'SALES_DB_MAX_ROWS2'],
  ])('%s.%s is %s', (name, field, variable) => expect(variableOf(name, field)).toBe(variable))

  it('that are wrong are named all at once, without their values', () => {
    const strict = resource('api', { settings: z.object({ url: z.url(), key: z.string().min(9) }), open: () => 0 })
    const error = (() => {
      try {
        return settingsOf(strict, from({ API_KEY: 'hunter2' }))
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toMatchObject({ code: 'ASSAY-1019', message: 'the settings of api are not valid: url, key' })
    expect(error).toMatchObject({ details: [expect.stringContaining('(API_URL)'), expect.stringContaining('(API_KEY)')] })
    expect(inspect(error)).not.toContain('hunter2')
    expect(() => of({ CRM_API_TOKEN_FILE: join(root, 'absent') })).toThrow(expect.objectContaining({ code: 'ASSAY-1019' }))
  })
})

describe('resources that are used', () => {
  const told: string[] = []
  const one = resource('one', { open: () => told.push('open one'), close: () => void told.push('close one') })
  const two = resource('two', {
    open: async () => told.push('open two'),
    close: () => {
      throw new Error('stuck')
    },
  })

  it('are opened once, also at the same time, and closed in the other order, whatever fails', async () => {
    const opened = openedResources(from({}), async () => [])
    expect(await Promise.all([opened.use(one), opened.use(one), opened.use(two)])).toEqual([1, 1, 2])
    expect(await opened.close()).toEqual([new Error('stuck')])
    expect(told).toEqual(['open one', 'open two', 'close one'])
  })

  it('are those of the profile, which are closed as such', async () => {
    const closed: unknown[] = []
    const fake = resource('fake', { open: () => 42, close: (value) => void closed.push(value) })
    const opened = openedResources(from({}), async () => [swap(one, fake)])
    expect(await opened.use(one)).toBe(42)
    await opened.close()
    expect(closed).toEqual([42])
  })

  it('are tried again after they failed to open, and have names of their own', async () => {
    let tries = 0
    const flaky = resource('flaky', {
      open: () => {
        if (tries++ === 0) throw new Error('not yet')
        return 'there'
      },
    })
    const opened = openedResources(from({}), async () => [])
    await expect(opened.use(flaky)).rejects.toThrow('not yet')
    expect(await opened.use(flaky)).toBe('there')
    await expect(opened.use(resource('flaky', { open: () => 1 }))).rejects.toMatchObject({ code: 'ASSAY-1020' })
  })
})

describe('types', () => {
  it('give open() what the schema gives, and let only the same type stand in', () => {
    const one = resource('typed', { settings: z.object({ token: z.string().transform(secret) }), open: ({ token }): Secret => token })
    expect(swap(one, resource('right', { open: () => secret('x') })).name).toBe('typed')
    // @ts-expect-error a number is no Secret
    swap(one, resource('wrong', { open: () => 3 }))
  })
})
