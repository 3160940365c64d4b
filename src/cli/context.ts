import type { Clock } from '../clock.ts'
import { stringifyCells } from '../iceberg/json.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { OutputStream, Terminal } from './render/terminal.ts'

/** All that a command touches of the process it runs in. */
export interface Surroundings {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly clock: Clock
  /** Calls `handler` on Ctrl-C and on SIGTERM instead of ending, until the returned function is called. */
  onInterrupt(handler: () => void): () => void
  /** Calls `handler` with each key that is pressed, until the returned function is called. */
  onKey(handler: (key: string) => void): () => void
  /** Ends the process at once. */
  exit(code: number): never
}

/** Options of all commands; which one takes which stands in `command-list`. */
export interface Options {
  readonly project?: string
  readonly select: readonly string[]
  readonly partition?: string
  readonly force: boolean
  /** The id of a plan that was shown. */
  readonly plan?: string
  readonly workers?: number
  readonly profile?: string
  readonly environment?: string
  readonly limit?: number
  readonly after?: string
  readonly at: readonly string[]
  readonly from?: string
  readonly to?: string
  readonly yes: boolean
  readonly exitCode: boolean
  readonly up: boolean
  readonly down: boolean
  readonly sql: boolean
  readonly dryRun: boolean
  readonly explain: boolean
  readonly json: boolean
  readonly trace: boolean
}

/** What a command is run with. */
export interface CommandContext {
  readonly surroundings: Surroundings
  readonly options: Options
  /** Arguments that are no options. */
  readonly words: readonly string[]
  /** Standard output. */
  readonly terminal: Terminal
  /** The project, of which the loading has begun before the command was read. */
  readonly loading?: Promise<LoadedManifest>
}

/** A command: resolves to its exit code. @throws AssayError, which `main` shows */
export type Command = (context: CommandContext) => Promise<number>

/**
 * One line of `--json`: an object with the version of the format and what the line is. Whole numbers beyond 2^53 are
 * written as exact number tokens, decimals and instants as text.
 */
export const jsonLine = (type: string, fields: object): string => stringifyCells({ v: 1, type, ...fields })

/** Writes a line of `--json`. */
export const emit = (context: CommandContext, type: string, fields: object): void => context.terminal.line(jsonLine(type, fields))
