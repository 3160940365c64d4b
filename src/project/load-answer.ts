import { buildManifest } from './build.ts'
import type { LoadAnswer, LoadRequest } from './load.ts'
import { rememberManifest } from './manifest-cache.ts'
import { writeManifest } from './manifest.ts'
import { knowModules, rememberModules } from './module-cache.ts'
import { type ModuleRecord, recordModules } from './module-record.ts'
import { inOrder } from './problems.ts'
import { type Past, readPast, rebuildManifest } from './rebuild.ts'

/** Loads what has changed of the project, or all of it. Once a process, as a module is imported once. */
export function answerOf(request: LoadRequest): Promise<LoadAnswer> {
  const record = recordModules(request.root)
  const past = readPast(request)
  return past === undefined ? loadWhole(request, record) : loadChanged(request, record, past)
}

async function loadWhole(request: LoadRequest, record: ModuleRecord): Promise<LoadAnswer> {
  const built = await buildManifest(request, record)
  if ('problems' in built) return { problems: inOrder(built.problems) }
  const id = writeManifest(request.home, built.manifest)
  rememberManifest(request, id, record.stamps(), built.env)
  rememberModules(request, id, knowModules(request, built.modules, record))
  return { id }
}

async function loadChanged(request: LoadRequest, record: ModuleRecord, past: Past): Promise<LoadAnswer> {
  const rebuilt = await rebuildManifest(request, record, past)
  if ('wider' in rebuilt) return rebuilt
  const id = writeManifest(request.home, rebuilt.manifest)
  rememberManifest(request, id, rebuilt.files, rebuilt.env)
  rememberModules(request, id, rebuilt.modules)
  return { id }
}
