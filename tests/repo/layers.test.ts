import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { capture } from '../../scripts/process.ts'
import { ROOT } from './tree.ts'

const CONFIGURED = ['.dependency-cruiser.cjs', 'tsconfig.json', 'package.json']
const DEPCRUISE = join(ROOT, 'node_modules/.bin/depcruise')

/** Each file with the rules that it must break: none for those that show what is allowed. */
const PLANTED: Readonly<Record<string, { readonly text: string; readonly breaks: readonly string[] }>> = {
  'src/errors.ts': { text: 'export type E = 1', breaks: [] },
  'src/index.ts': { text: "export type { E } from './errors.ts'", breaks: [] },
  'src/runs/plan.ts': { text: "export type { E } from '../errors.ts'", breaks: [] },
  'src/resources/duckdb.ts': { text: "export * from '@duckdb/node-api'", breaks: [] },
  'src/storage/sqlite.ts': { text: "export { DatabaseSync } from 'node:sqlite'", breaks: [] },
  'lakehouse/project.ts': { text: "export type { E } from 'assay'", breaks: [] },

  'src/assets/ring-a.ts': { text: "import type { B } from './ring-b.ts'\nexport type A = B", breaks: ['no cycle'] },
  // A cycle is reported once, at its first file.
  'src/assets/ring-b.ts': { text: "import type { A } from './ring-a.ts'\nexport type B = A", breaks: [] },
  'src/storage/upwards.ts': { text: "import type { E } from '../runs/plan.ts'\nexport type X = E", breaks: ['layer src/storage/'] },
  'src/checks/row-mate.ts': { text: "export * from '../computes/spark.ts'", breaks: ['layer src/checks/'] },
  'src/computes/spark.ts': { text: 'export const spark = 1', breaks: [] },
  'src/keys.ts': { text: "export * from './clock.ts'", breaks: ['layer src/keys.ts'] },
  'src/clock.ts': {
    text: "export type { E } from './index.ts'",
    breaks: ['layer src/clock.ts', 'the public face stays on top'],
  },
  'src/misc/stray.ts': { text: "export * from '../errors.ts'", breaks: ['every file belongs to a layer'] },
  'src/tables/parquet.ts': { text: "export * from '@duckdb/node-api'", breaks: ['only one file uses @duckdb/node-api'] },
  'src/assets/order.ts': { text: "export * from 'graphology'", breaks: ['only one file uses graphology'] },
  'src/tables/state.ts': { text: "export { DatabaseSync } from 'node:sqlite'", breaks: ['only one file uses node:sqlite'] },
  'src/ui-server/web/page.ts': { text: "export * from '../../errors.ts'", breaks: ['the browser sees only the contract'] },
  'src/sql/lost.ts': { text: "export * from './gone.ts'", breaks: ['every import resolves'] },
  'src/config.ts': { text: "export * from 'fast-check'", breaks: ['no development dependency in src'] },
  'lakehouse/deep.ts': { text: "export type { E } from '../src/runs/plan.ts'", breaks: ['projects use the public name'] },
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-layers-'))
  for (const file of CONFIGURED) await cp(join(ROOT, file), join(folder, file))
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  for (const [file, { text }] of Object.entries(PLANTED)) {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), `${text}\n`)
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('the layer gate finds each planted breach, and nothing else', async () => {
  const { code, stdout } = await capture(DEPCRUISE, ['src', 'lakehouse'], { cwd: folder })
  const found: Record<string, string[]> = Object.fromEntries(Object.keys(PLANTED).map((file) => [file, []]))
  for (const [, rule = '', file = ''] of stdout.matchAll(/^ *error (.+): (\S+)/gm)) found[file]?.push(rule)
  const sorted = Object.fromEntries(Object.entries(found).map(([file, rules]) => [file, [...new Set(rules)].sort()]))
  expect(sorted).toEqual(Object.fromEntries(Object.entries(PLANTED).map(([file, { breaks }]) => [file, [...breaks].sort()])))
  expect(code).not.toBe(0)
})
