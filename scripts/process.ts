import { spawn } from 'node:child_process'

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface SpawnSettings {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Another user to run as, where we are root. */
  readonly uid?: number
  readonly gid?: number
}

/** Runs a command to its end, with its output caught. Rejects only when it cannot be started. */
export function capture(command: string, args: readonly string[], settings: SpawnSettings = {}): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...settings, stdio: ['ignore', 'pipe', 'pipe'] })
    const caught = { stdout: '', stderr: '' }
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        caught[stream] += text
      })
    }
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, ...caught }))
  })
}

/** What a command prints on stdout. @throws when it fails, with what it said. */
export async function output(command: string, args: readonly string[], settings: SpawnSettings = {}): Promise<string> {
  const { code, stdout, stderr } = await capture(command, args, settings)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}\n${stdout}${stderr}`)
  return stdout
}

/** Runs a command on our own streams. @throws when it fails. */
export async function run(command: string, args: readonly string[], settings: SpawnSettings = {}): Promise<void> {
  const code = await show(command, args, settings)
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`)
}

/** Runs a command on our own streams, and gives its exit code (1 when a signal ended it). */
export function show(command: string, args: readonly string[], settings: SpawnSettings = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { ...settings, stdio: ['ignore', 'inherit', 'inherit'] })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}
