import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { output, run } from '../process.ts'
import { ENGINES_DIR, type Engine } from './engine.ts'

const REQUIREMENTS = resolve(import.meta.dirname, '../../tests/engines/pyiceberg/requirements.txt')
const FOLDER = 'pyiceberg'

/** PyIceberg over the same SQLite catalog: a library in a virtual environment, no server. */
export const pyiceberg: Engine = {
  name: 'pyiceberg',
  what: 'PyIceberg 0.11.1 with PyArrow 26.0.1 for Python 3.11',
  up: async (folder) => {
    if ((await state(folder)) === 'ready') return
    const home = join(folder, FOLDER)
    await rm(home, { recursive: true, force: true })
    await run(await interpreter(), ['-m', 'venv', home])
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input']
    await run(python(folder), [...pip, '--require-hashes', '--only-binary=:all:', '--no-deps', '-r', REQUIREMENTS])
    await writeFile(stampFile(folder), stamp())
  },
  down: async () => {},
  status: state,
}

/** The interpreter that has PyIceberg. */
export const python = (folder: string = ENGINES_DIR): string => join(folder, FOLDER, 'bin/python')

const stampFile = (folder: string): string => join(folder, FOLDER, 'assay-stamp')

/** Written last, so that an installation that was cut short is made anew. */
const stamp = (): string => createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex')

async function state(folder: string): Promise<'absent' | 'outdated' | 'ready'> {
  if (!existsSync(stampFile(folder))) return 'absent'
  return readFileSync(stampFile(folder), 'utf8') === stamp() && existsSync(python(folder)) ? 'ready' : 'outdated'
}

/** Wheels are pinned for Python 3.11; another one would refuse their checksums with a long text. */
async function interpreter(): Promise<string> {
  for (const candidate of ['python3.11', 'python3']) {
    const version = await output(candidate, ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']).catch(() => '')
    if (version.trim() === '3.11') return candidate
  }
  throw new Error('PyIceberg needs Python 3.11 with venv (Debian: python3.11 python3.11-venv)')
}
