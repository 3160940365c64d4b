import { resolve } from 'node:path'

/**
 * Another engine that reads and writes the same tables, installed for tests only. One file each in this folder, listed in
 * scripts/engines.ts. Versions are pinned and downloads are checked against checksums.
 */
export interface Engine {
  readonly name: string
  /** One line: what is installed, with its version. */
  readonly what: string
  /** Installs what is missing and starts servers, if it has any. Does nothing when all is there. */
  up(folder: string): Promise<void>
  /** Stops what `up` started. What was installed stays. */
  down(folder: string): Promise<void>
  /** `absent`, `outdated`, `ready`, or what else there is to say in a word or two. */
  status(folder: string): Promise<string>
}

/** Where engines live: ASSAY_ENGINES_DIR, or `.engines/` in the repository. Absolute. */
export const ENGINES_DIR = resolve(import.meta.dirname, '../..', process.env['ASSAY_ENGINES_DIR'] ?? '.engines')
