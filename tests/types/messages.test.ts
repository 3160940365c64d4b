import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { ROOT } from '../support/shop.ts'

interface Refused {
  /** What is wrong with the line. */
  readonly what: string
  /** What the message must name. */
  readonly named: string
  /** Of the line below, from 1. */
  readonly line: number
}

const text = await readFile(join(import.meta.dirname, 'refused.test-d.ts'), 'utf8')
const lines = text.split('\n')
const refused = lines.flatMap((line, i): Refused[] => {
  const [, what, named] = /^\/\/ @ts-expect-error (.*?) → (.*)$/.exec(line) ?? []
  return what === undefined || named === undefined ? [] : [{ what, named, line: i + 2 }]
})

/** First lines of what the compiler says, each behind the word that it underlines, by line of the file. */
async function compile(): Promise<ReadonlyMap<number, readonly string[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'assay-types-'))
  try {
    await mkdir(join(folder, 'node_modules'))
    await symlink(ROOT, join(folder, 'node_modules/assay'))
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
    await writeFile(join(folder, 'refused.ts'), text.replaceAll('@ts-expect-error', 'refused:'))
    const own = { typeRoots: [join(ROOT, 'node_modules/@types')], noUnusedLocals: false, noUnusedParameters: false }
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions: own, include: [], files: ['refused.ts'] }),
    )
    return told(await tsc(folder))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** It fails, as it should; what it prints is asked for. */
const tsc = (folder: string): Promise<string> =>
  new Promise((done) => {
    execFile(join(ROOT, 'node_modules/.bin/tsc'), ['--pretty', 'false', '--singleThreaded', '-p', folder], (_, stdout) => done(stdout))
  })

function told(output: string): ReadonlyMap<number, readonly string[]> {
  const found = [...output.matchAll(/^\S*?refused\.ts\((\d+),(\d+)\): error TS\d+: (.*)$/gm)].map(([, line, column, message]) => {
    const underlined = /^[\w$]*/.exec(lines[Number(line) - 1]?.slice(Number(column) - 1) ?? '')?.[0]
    return { line: Number(line), text: `${underlined}: ${message}` }
  })
  return new Map([...Map.groupBy(found, ({ line }) => line)].map(([line, group]) => [line, group.map((one) => one.text)]))
}

describe('the first line of a message of the compiler', () => {
  let messages: ReadonlyMap<number, readonly string[]>
  beforeAll(async () => {
    messages = await compile()
  })

  it.each(refused)('names what is wrong: $what', ({ named, line }) => {
    expect(messages.get(line)?.join('\n') ?? 'it compiles').toContain(named)
  })

  it('is about these lines and no others', () => {
    expect(refused.length).toBeGreaterThanOrEqual(40)
    expect([...messages.keys()].filter((line) => !refused.some((one) => one.line === line))).toEqual([])
    // As many as `check` looks at.
    expect(refused).toHaveLength(text.match(/@ts-expect-error/g)?.length ?? 0)
  })
})
