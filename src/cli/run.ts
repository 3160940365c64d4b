import { systemClock } from '../clock.ts'
import { AssayError, type Problem } from '../errors.ts'
import { findCommand, parseArguments } from './arguments.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { Options, Surroundings } from './context.ts'
import { terminalOn } from './render/terminal.ts'
import { problemsOf, showProblems } from './show-problems.ts'

/** Runs a command by its name; whatever it throws is shown. Resolves to the exit code. */
export async function run(name: string | undefined, argv: readonly string[], surroundings = ofProcess()): Promise<number> {
  let project: string | undefined
  try {
    if (name === undefined) throw new AssayError('ASSAY-4002', `assay has no option ${argv[0]} without a command`)
    const { entry, options, words } = parseArguments(findCommand(name), argv)
    project = options.project
    const loading = entry.opensProject ? await beginLoading(surroundings, options) : undefined
    const command = await entry.load()
    const terminal = terminalOn(surroundings.stdout, surroundings.env, options.environment)
    return await command({ surroundings, options, words, terminal, ...(loading === undefined ? {} : { loading: loading.project }) })
  } catch (error) {
    const problems = problemsOf(error)
    const root = problems.some((problem) => problem.where !== undefined) ? await rootOf(surroundings, project) : surroundings.cwd
    showProblems(surroundings, problems, {
      root,
      json: argv.includes('--json'),
      trace: argv.includes('--trace'),
      environment: environmentIn(argv),
    })
    return exitCodeOf(problems[0])
  }
}

/** Modules of a command take as long to read as the loader needs to get under way. What goes wrong is for the command to tell. */
async function beginLoading(surroundings: Surroundings, options: Options): Promise<{ readonly project: Promise<LoadedManifest> }> {
  const [{ settingsOf }, { loadProject }] = await Promise.all([import('./settings.ts'), import('../project/load.ts')])
  const project = loadProject(settingsOf({ surroundings, options }))
  project.catch(() => {})
  return { project }
}

/** Read before anything else, so that errors of the command line can name it too. */
function environmentIn(argv: readonly string[]): string | undefined {
  const at = argv.indexOf('--env')
  return at < 0 ? argv.find((word) => word.startsWith('--env='))?.slice('--env='.length) : argv[at + 1]
}

/** What places of problems are relative to: the root of the project, or this folder where there is none. */
async function rootOf({ cwd, env }: Surroundings, project: string | undefined): Promise<string> {
  const { readSettings } = await import('../config.ts')
  try {
    return readSettings({ cwd, env, project }).root
  } catch {
    return cwd
  }
}

function exitCodeOf(problem: Problem | undefined): number {
  if (problem?.code === 'ASSAY-3009') return 130
  if (problem?.code.startsWith('ASSAY-4')) return 2
  return problem?.code.startsWith('ASSAY-1') ? 3 : 1
}

function ofProcess(): Surroundings {
  // `assay ls | head`: the reader has seen enough.
  // A reader that has gone (`| head`) must not cut a run short: it goes on unheard.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => error.code === 'EPIPE' || process.exit(1))
  return {
    cwd: process.cwd(),
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    onInterrupt: (handler) => {
      const signals = ['SIGINT', 'SIGTERM'] as const
      for (const signal of signals) process.on(signal, handler)
      return () => {
        for (const signal of signals) process.off(signal, handler)
      }
    },
    onKey: keysOfStdin,
    exit: (code) => process.exit(code),
  }
}

/** Key by key on a terminal, where Ctrl-C then is a key too; character by character from a pipe. */
function keysOfStdin(handler: (key: string) => void): () => void {
  const { stdin } = process
  const heard = (text: string): void => {
    for (const key of text) {
      if (key === '\u0003') process.kill(process.pid, 'SIGINT')
      else handler(key)
    }
  }
  if (stdin.isTTY) stdin.setRawMode(true)
  stdin.setEncoding('utf8').on('data', heard)
  return () => {
    if (stdin.isTTY) stdin.setRawMode(false)
    stdin.off('data', heard).pause()
  }
}
