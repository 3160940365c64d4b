import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../../src/cli/command-list.ts'
import { CATALOGUE } from '../../src/error-catalogue.ts'
import { inProcess, jsonLines } from './command-line.ts'

describe('help', () => {
  it('names every command and fits 80 columns', async () => {
    const { code, stdout } = await inProcess(['--help'])
    expect(code).toBe(0)
    for (const { name, summary } of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name} .*${summary}$`, 'm'))
    for (const { name } of COMMANDS) stdoutFits((await inProcess([name, '--help'])).stdout, name)
    stdoutFits(stdout, 'Usage: assay <command>')
  })

  it('is shown without arguments; the version on its own', async () => {
    expect((await inProcess([])).stdout).toContain('Usage: assay <command>')
    expect((await inProcess(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

function stdoutFits(stdout: string, contains: string): void {
  expect(stdout).toContain(contains)
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
}

describe('what was not understood', () => {
  let empty: string
  beforeAll(async () => {
    empty = await mkdtemp(join(tmpdir(), 'assay-usage-'))
    await writeFile(join(empty, 'package.json'), '{}')
  })
  afterAll(() => rm(empty, { recursive: true }))

  it.each([
    [['foo'], 'ASSAY-4001', 'assay --help', 2],
    [['matrialize'], 'ASSAY-4001', 'Did you mean materialize?', 2],
    [['ls', '--jsn'], 'ASSAY-4002', 'Did you mean --json?', 2],
    [['ls', '--workers', '3'], 'ASSAY-4002', 'assay ls has no option --workers', 2],
    [['--nope'], 'ASSAY-4002', 'no option --nope', 2],
    [['show'], 'ASSAY-4002', 'needs <asset>', 2],
    [['explain', 'a', 'b'], 'ASSAY-4002', "not 'b'", 2],
    [['materialize', '--workers', 'x'], 'ASSAY-4002', "--workers is 'x'", 2],
    [['materialize', '--workers', '0'], 'ASSAY-4002', 'from 1 to 64', 2],
    [['query', 'select 1', '--limit', '1.5'], 'ASSAY-4002', "--limit is '1.5'", 2],
    [['plan', '--partition'], 'ASSAY-4002', 'argument missing', 2],
    [['query', 'select 1', '--at', 'silver.orders'], 'ASSAY-1001', 'no project file', 3],
    [['explain', 'ASSAY-1'], 'ASSAY-4005', 'Did you mean', 2],
    [['ls'], 'ASSAY-1001', 'assay init', 3],
    [['ls', '--project', 'nope.ts'], 'ASSAY-1001', 'nope.ts', 3],
  ])('assay %j is %s', async (argv, errorCode, words, exitCode) => {
    const { code, stdout, stderr } = await inProcess(argv, empty)
    expect(stderr).toContain(errorCode)
    expect(stderr).toContain(words)
    expect(stderr).toContain('next: ')
    expect(stderr).not.toContain('    at ')
    expect(stdout).toBe('')
    expect(code).toBe(exitCode)
  })

  it('is one JSON line with --json, and a stack with --trace', async () => {
    const { code, stdout, stderr } = await inProcess(['foo', '--json'], empty)
    expect(jsonLines(stdout)).toEqual([
      { v: 1, type: 'error', problem: { code: 'ASSAY-4001', what: "there is no command 'foo'", next: CATALOGUE['ASSAY-4001'].next } },
    ])
    expect(stderr).toBe('')
    expect(code).toBe(2)
    expect((await inProcess(['foo', '--trace'], empty)).stderr).toContain('    at ')
  })
})

describe('explain', () => {
  it.each(['ASSAY-5001', 'assay-5001', '5001'])('knows %s', async (word) => {
    const { code, stdout } = await inProcess(['explain', word])
    expect(stdout).toContain(`ASSAY-5001  ${CATALOGUE['ASSAY-5001'].title}`)
    expect(code).toBe(0)
  })
})
