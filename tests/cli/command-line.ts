import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { expect } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { systemClock } from '../../src/clock.ts'

const ROOT = resolve(import.meta.dirname, '../..')
/** The work is small: a second worker would only cost its start. */
const ONE_WORKER = { ASSAY_WORKERS: '1' } as const

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A project folder of its own, as a user has it after `npm install`. */
export interface Folder {
  readonly path: string
  /** The real binary, piped. */
  assay(args: readonly string[], options?: RunOptions): Promise<Ran>
  /** The real binary, left running. */
  start(args: readonly string[]): Session
  /** The same command line in this process, for what starts no process of its own. */
  tell(args: readonly string[], columns?: number): Promise<Ran>
  /** Replaces a text in a file of the project. */
  edit(file: string, from: string, to: string): Promise<void>
  write(file: string, text: string): Promise<void>
  remove(): Promise<void>
}

/** A process that goes on: what it prints is waited for, and keys are pressed. */
export interface Session {
  /** Resolves with all that was printed since the last call, once these texts are in it. */
  shows(...texts: readonly string[]): Promise<string>
  press(keys: string): void
  readonly ended: Promise<number | null>
}

export interface RunOptions {
  readonly columns?: number
  /** Done once, when what was printed so far passes the test; the process goes on meanwhile. */
  readonly when?: { readonly printed: (stdout: string) => boolean; readonly act: (child: ChildProcess) => void }
}

export async function openFolder(): Promise<Folder> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'assay-cli-')))
  await mkdir(join(path, 'node_modules'))
  await symlink(ROOT, join(path, 'node_modules/assay'))
  await symlink(join(ROOT, 'node_modules/zod'), join(path, 'node_modules/zod'))
  return {
    path,
    assay: (args, options = {}) => run(path, args, options),
    start: (args) => start(path, args),
    tell: (args, columns) => inProcess(args, path, { ...ONE_WORKER, ...(columns === undefined ? {} : { COLUMNS: String(columns) }) }),
    edit: async (file, from, to) => {
      const text = await readFile(join(path, file), 'utf8')
      expect(text).toContain(from)
      await writeFile(join(path, file), text.replace(from, to))
    },
    write: (file, text) => writeFile(join(path, file), text),
    remove: () => rm(path, { recursive: true, force: true }),
  }
}

function start(cwd: string, args: readonly string[]): Session {
  const child = spawn(process.execPath, [join(ROOT, 'bin/assay.js'), ...args], { cwd, env: { ...process.env, ...ONE_WORKER } })
  let printed = ''
  let check = (): void => {}
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text
      check()
    })
  return {
    shows: (...texts) =>
      new Promise((done) => {
        check = () => {
          if (!texts.every((text) => printed.includes(text))) return
          const all = printed
          printed = ''
          check = () => {}
          done(all)
        }
        check()
      }),
    press: (keys) => child.stdin.write(keys),
    ended: new Promise((done) => child.on('close', done)),
  }
}

function run(cwd: string, args: readonly string[], { columns, when }: RunOptions): Promise<Ran> {
  const { COLUMNS: _, ...inherited } = process.env
  const env = { ...inherited, ...ONE_WORKER }
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(ROOT, 'bin/assay.js'), ...args], {
      cwd,
      env: columns === undefined ? env : { ...env, COLUMNS: String(columns) },
    })
    let stdout = ''
    let stderr = ''
    let happened = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
      if (when === undefined || happened || !when.printed(stdout)) return
      happened = true
      when.act(child)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', fail).on('close', (code) => done({ code, stdout, stderr }))
  })
}

/** The command line in this process, for what starts no worker. */
export async function inProcess(argv: readonly string[], cwd = tmpdir(), env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  const code = await main(argv, {
    cwd,
    env,
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    clock: systemClock,
    onInterrupt: () => () => {},
    onKey: () => () => {},
    exit: (code) => {
      throw new Error(`exit ${code}`)
    },
  })
  return { code, stdout, stderr }
}

/** Every line of `--json` output, each of which must be an object of version 1. */
export const jsonLines = (stdout: string): readonly Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const object = JSON.parse(line) as Record<string, unknown>
      expect(object['v']).toBe(1)
      expect(object['type']).toEqual(expect.any(String))
      return object
    })

/** Output without what changes from run to run. */
export const settled = (text: string, folder: string): string =>
  text
    .replaceAll(folder, '<folder>')
    .replace(/\d+-[0-9a-f-]{36}(\.metadata\.json)/g, '<metadata>$1')
    .replace(/\d{4}-\d\d-\d\d\s+\d\d:\d\d:\d\dZ/g, '<instant>')
    .replace(/\b\d{7}…/g, '<version>')
    .replace(/\b\d{11,16}\b */g, '<snapshot>  ')
    .replace(/\b(?=[0-9a-z]*\d)[0-9a-z]{16}\b/g, '<id>')
    .replace(/plan [0-9a-f]{12}/g, 'plan <id>')
    .replace(/\b\d+(\.\d)? (ms|s)\b/g, '<time>')
