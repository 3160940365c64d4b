import { fork } from 'node:child_process'
import { extname, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LOCAL, type Settings } from '../config.ts'
import { AssayError, type Problem } from '../errors.ts'
import { makeFolders } from '../folders.ts'
import { NODE_FLAGS } from '../node-flags.ts'
import { cachedManifest } from './manifest-cache.ts'
import { type LoadedManifest, manifestFile, readManifest } from './manifest.ts'
import { ProjectErrors } from './problems.ts'

/** What the loader process is given, as one JSON argument. */
export interface LoadRequest extends Pick<Settings, 'root' | 'home' | 'projectFile'> {
  /** Files to load beside those that have changed, relative to the root; or the whole project. */
  readonly wider?: readonly string[] | 'all'
}

/** Its one answer. `wider`: it must be asked again, for more. */
export type LoadAnswer = { readonly id: string } | { readonly problems: readonly Problem[] } | { readonly wider: readonly string[] | 'all' }

/**
 * The manifest of the project: from the cache while nothing has changed, else made by a process of its own, so that the
 * user's code runs neither here nor twice. What that code prints goes to our stderr.
 * @throws ProjectErrors (1xxx) with everything that is wrong in the project
 * @throws ASSAY-1018 for a profile that it does not have
 * @throws ASSAY-2001 when the home folder cannot be written
 */
export async function loadProject(settings: Settings): Promise<LoadedManifest> {
  const loaded = cachedManifest(settings) ?? (await freshManifest(settings))
  const { profiles } = loaded.manifest
  if (settings.profile !== LOCAL && !profiles.includes(settings.profile))
    throw new AssayError('ASSAY-1018', `the project has no profile ${settings.profile}`, {
      details: [`it has ${[LOCAL, ...profiles].join(', ')}`],
    })
  return loaded
}

async function freshManifest(settings: Settings): Promise<LoadedManifest> {
  makeHome(settings.home)
  const request: LoadRequest = { root: settings.root, home: settings.home, projectFile: settings.projectFile }
  let answer = await askLoader(request)
  while ('wider' in answer) answer = await askLoader({ ...request, wider: answer.wider })
  if ('id' in answer) return readManifest(manifestFile(settings.home, answer.id))
  const [first, ...more] = answer.problems
  throw first === undefined ? new AssayError('ASSAY-9001', 'the loader gave no answer') : new ProjectErrors([first, ...more])
}

function makeHome(home: string): void {
  try {
    makeFolders(home)
  } catch (cause) {
    throw new AssayError('ASSAY-2001', `${home} cannot be made`, { cause })
  }
}

/** In MB. What a loader makes lives until it ends: more room for what dies young is 50 MB more, and no faster (measured). */
const SMALL_YOUNG = '--max-semi-space-size=8'

function askLoader(request: LoadRequest): Promise<LoadAnswer> {
  const extension = extname(fileURLToPath(import.meta.url))
  const child = fork(new URL(`./load-entry${extension}`, import.meta.url), [JSON.stringify(request)], {
    execArgv: [...NODE_FLAGS, SMALL_YOUNG],
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  return new Promise((resolve, reject) => {
    // It ends by itself then, which is not waited for: to clear away ten thousand assets takes a while.
    child.on('message', (message: LoadAnswer) => resolve(message))
    child.on('error', reject)
    // The answer may come after the exit, but not after this.
    child.on('close', (code, signal) => {
      const file = relative(request.root, request.projectFile)
      reject(new AssayError('ASSAY-1002', `the process that loaded ${file} ended (${signal ?? `exit code ${code}`}) before it was done`))
    })
  })
}
