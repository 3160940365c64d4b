import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { output, run } from '../process.ts'
import { ENGINES_DIR, type Engine } from './engine.ts'

const TESTS = resolve(import.meta.dirname, '../../tests/engines')

/** An engine that is a library in a virtual environment of Python, without a server. */
export interface PythonEngine extends Engine {
  /** The interpreter that has it. */
  python(folder?: string): string
  /** Whether it is installed, as it is pinned now. */
  isReady(): boolean
}

/** Paths are relative to the tests of engines. */
export interface Pins {
  readonly name: string
  readonly what: string
  /** Packages with their checksums, all of them wheels. */
  readonly wheels?: string
  /** Packages with their checksums that come as source, and what builds them is among `wheels`. */
  readonly sources?: string
  /** What else has to be there, put into the environment's folder. */
  readonly more?: { readonly files: readonly string[]; install(home: string): Promise<void> }
}

const PIP = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--require-hashes', '--no-deps']

/** Makes an engine of what is pinned; changed pins make it anew. */
export function pythonEngine({ name, what, wheels, sources, more }: Pins): PythonEngine {
  const python = (folder: string = ENGINES_DIR): string => join(folder, name, 'bin/python')
  const stampFile = (folder: string): string => join(folder, name, 'assay-stamp')
  const files = [wheels, sources, ...(more?.files ?? [])].flatMap((file) => (file === undefined ? [] : [join(TESTS, file)]))
  const state = (folder: string): 'absent' | 'outdated' | 'ready' => {
    if (!existsSync(stampFile(folder))) return 'absent'
    return readFileSync(stampFile(folder), 'utf8') === stampOf(files) && existsSync(python(folder)) ? 'ready' : 'outdated'
  }
  return {
    name,
    what,
    python,
    isReady: () => state(ENGINES_DIR) === 'ready',
    up: async (folder) => {
      if (state(folder) === 'ready') return
      const home = join(folder, name)
      await rm(home, { recursive: true, force: true })
      await run(await interpreter(), ['-m', 'venv', home])
      if (wheels !== undefined) await run(python(folder), [...PIP, '--only-binary=:all:', '-r', join(TESTS, wheels)])
      if (sources !== undefined) await run(python(folder), [...PIP, '--no-build-isolation', '-r', join(TESTS, sources)])
      await more?.install(home)
      await writeFile(stampFile(folder), stampOf(files))
    },
    down: async () => {},
    status: async (folder) => state(folder),
  }
}

/** Written last, so that an installation that was cut short is made anew. */
function stampOf(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(file))
  return hash.digest('hex')
}

/** Packages are pinned for Python 3.11; another one would refuse their checksums with a long text. */
async function interpreter(): Promise<string> {
  for (const candidate of ['python3.11', 'python3']) {
    const version = await output(candidate, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']).catch(() => '')
    if (version.trim() === '3.11') return candidate
  }
  throw new Error('Engines in Python need Python 3.11 with venv (Debian: python3.11 python3.11-venv)')
}
