import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { filesBelow, ROOT, textOf } from './tree.ts'

const MEGABYTE = 1_000_000

/** Where the source is not a git checkout there is nothing tracked. */
const tracked = existsSync(join(ROOT, '.git'))
  ? execFileSync('git', ['-C', ROOT, 'ls-files', '-z'], { encoding: 'utf8' })
      .split('\0')
      .filter((path) => path !== '' && existsSync(join(ROOT, path)))
  : []

describe('files', () => {
  it('are named by the noun', () => {
    const vague = /^(utils?|commons?|helpers?|misc|shared|types)$/
    expect(
      tracked.filter((path) => path.split('/').some((part) => vague.test(part.replace(/\..*$/, ''))) && !path.startsWith('tests/types/')),
    ).toEqual([])
  })

  it('are small', () => {
    expect(tracked.filter((path) => statSync(join(ROOT, path)).size > MEGABYTE)).toEqual([])
  })
})

describe('package-lock.json', () => {
  it('names no registry and no machine', () => {
    const lock = textOf('package-lock.json')
    expect(lock).not.toMatch(/"resolved": "(https?|git|file):/)
    expect(lock).not.toMatch(/"\/(home|root|usr|opt|tmp|Users)\//)
  })

  it('is of this version of package.json', () => {
    const declared = JSON.parse(textOf('package.json')) as Record<string, unknown>
    const locked = (JSON.parse(textOf('package-lock.json')) as { packages: Record<string, Record<string, unknown>> }).packages['']
    for (const field of ['version', 'dependencies', 'devDependencies', 'workspaces'])
      expect([field, locked?.[field]]).toEqual([field, declared[field]])
  })
})

describe('documents', () => {
  const documents = filesBelow('.', '.md')

  it.each(documents)('%s has no dead link', (document) => {
    expect(linksOf(document).filter((link) => !resolves(document, link))).toEqual([])
  })
})

/** Targets of links and images, outside code. Those to other hosts are not followed. */
function linksOf(document: string): readonly string[] {
  const prose = textOf(document)
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/`[^`\n]*`/g, '')
  const links = [...prose.matchAll(/\[[^\]]*\]\(([^)\s]+)[^)]*\)/g), ...prose.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm)]
  return links.map(([, target]) => target ?? '').filter((target) => !/^[a-z]+:/.test(target))
}

function resolves(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#')
  const file = path === '' ? document : join(dirname(document), path)
  if (!existsSync(join(ROOT, file))) return false
  return anchor === undefined || !basename(file).endsWith('.md') || anchorsOf(file).includes(anchor)
}

/** As GitHub makes them of headings. */
const anchorsOf = (document: string): readonly string[] =>
  [...textOf(document).matchAll(/^#+\s+(.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  )
