import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROOT } from '../support/shop.ts'
import { type Folder, openFolder } from '../cli/command-line.ts'

const FOLDER = join(ROOT, 'docs/concepts')
const pages = readdirSync(FOLDER).filter((name) => name !== 'README.md')

/** The files of a page, by the path in the first line of each block. */
const filesOf = (page: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...page.matchAll(/```(?:ts|text)\n\/\/ (\S+)\n([\s\S]*?)```/g)].map(([, path = '', text = '']) => [path, text]))

/** The commands of a page, each with lines that its output must have, spaces aside. */
const commandsOf = (page: string): readonly (readonly [command: string, lines: readonly string[]])[] =>
  [...page.matchAll(/```console\n([\s\S]*?)```/g)].flatMap(([, session = '']) =>
    session
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...lines] = part.trimEnd().split('\n')
        return [command, lines] as const
      }),
  )

/** `assay ls "a b"` as words. */
const wordsOf = (command: string): readonly string[] =>
  [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')

const spaced = (text: string): string => text.replaceAll(/\s+/g, ' ')

async function runCommand(folder: Folder, command: string): Promise<string> {
  const [verb = '', ...words] = wordsOf(command)
  if (verb === 'edit') {
    await folder.edit(words[0] ?? '', words[1] ?? '', words[2] ?? '')
    return ''
  }
  if (verb === 'node') return ran(folder, words)
  if (verb === 'vitest') return ranByVitest(folder, words)
  expect(verb).toBe('assay')
  const first = words.includes(FIRST) ? await firstSnapshot(folder, words[1] ?? '') : FIRST
  const { stdout, stderr } = await folder.tell(words.map((word) => (word === FIRST ? first : word)))
  return spaced(stdout + stderr)
}

/** In a command, the id of the first snapshot of the asset that it is about. */
const FIRST = 'FIRST'

async function firstSnapshot(folder: Folder, asset: string): Promise<string> {
  const query = `select snapshot_id::varchar as id from ${asset}.snapshots order by committed_at limit 1`
  return /\d{6,}/.exec((await folder.tell(['query', query])).stdout)?.[0] ?? 'no snapshot'
}

/** The source, as a user has the compiled package. */
const NODE_OPTIONS = '--conditions=assay-source --disable-warning=ExperimentalWarning'

/** What a program prints, also where it fails. */
const ran = (folder: Folder, args: readonly string[]): Promise<string> =>
  new Promise((done) => {
    const env = { PATH: process.env['PATH'], NODE_OPTIONS, NO_COLOR: '1' }
    execFile(process.execPath, args, { cwd: folder.path, env }, (_, stdout, stderr) => done(spaced(stdout + stderr)))
  })

async function ranByVitest(folder: Folder, words: readonly string[]): Promise<string> {
  await symlink(join(ROOT, 'node_modules/vitest'), join(folder.path, 'node_modules/vitest'))
  const resolve = `ssr: { resolve: { conditions: ['assay-source', 'module', 'node', 'development|production'] } }`
  await folder.write('vitest.config.ts', `export default { ${resolve} }`)
  return ran(folder, [join(ROOT, 'node_modules/vitest/vitest.mjs'), ...words])
}

describe('the example of each concept', () => {
  it('is listed', () => {
    const index = readFileSync(join(FOLDER, 'README.md'), 'utf8')
    for (const page of pages) expect(index).toContain(`(${page})`)
  })

  it.concurrent.each(pages)('%s does what it says', { timeout: 300_000 }, async (name) => {
    const page = readFileSync(join(FOLDER, name), 'utf8')
    const folder = await openFolder()
    try {
      await folder.write('package.json', '{ "type": "module" }')
      for (const [path, text] of Object.entries(filesOf(page))) await folder.write(path, text)
      const commands = commandsOf(page)
      expect(commands.length).toBeGreaterThan(0)
      for (const [command, lines] of commands) {
        const output = await runCommand(folder, command)
        for (const line of lines) expect(output, command).toContain(spaced(line.trim()))
      }
    } finally {
      await folder.remove()
    }
  })
})
