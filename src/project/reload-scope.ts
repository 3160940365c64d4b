import type { KnownModules } from './module-cache.ts'

/** What a change is about. Paths are relative to the root. */
export interface Change {
  readonly modules: KnownModules
  readonly projectFile: string
  /** Files that are no longer as they were. */
  readonly changed: readonly string[]
  /** Files that see something else than before, though they are as they were. */
  readonly affected: readonly string[]
}

/**
 * The files that must be loaded to learn what a change leads to, in the order in which the whole project would run them;
 * all others can be stood in for. Undefined where only the whole project tells.
 */
export function reloadScope(change: Change): readonly string[] | undefined {
  const { modules, projectFile, changed } = change
  const isKnown = changed.every((path) => path === projectFile || (modules.get(path)?.assets ?? null) !== null)
  const scope = isKnown ? closure(change) : undefined
  if (scope === undefined || scope.size > modules.size / 2) return undefined
  const late = new Set([...modules.values()].flatMap((module) => module.late))
  // What computes import while they run is read as code, whatever it exports.
  if ([...scope].some((path) => late.has(path) || (modules.get(path)?.late.length ?? 0) > 0)) return undefined
  return inOrder(modules, projectFile).filter((path) => scope.has(path))
}

/**
 * With a file go those whose values it needs; and with one whose exports can be changed all that import it, as any of
 * them may be what changes them.
 */
function closure({ modules, projectFile, changed, affected }: Change): ReadonlySet<string> | undefined {
  const importers = importersIn(modules)
  const scope = new Set<string>([...changed, ...affected])
  for (const path of scope) {
    const module = modules.get(path)
    if (module === undefined) return undefined
    for (const target of module.imports) if (modules.get(target)?.assets == null) scope.add(target)
    if (!module.inert && path !== projectFile) for (const importer of importers.get(path) ?? []) scope.add(importer)
  }
  return scope
}

/** Who imports a file. */
export function importersIn(modules: KnownModules): ReadonlyMap<string, readonly string[]> {
  const importers = new Map<string, string[]>()
  for (const [path, { imports }] of modules) {
    for (const target of imports) {
      const list = importers.get(target)
      if (list) list.push(path)
      else importers.set(target, [path])
    }
  }
  return importers
}

/** Each file after those that it imports, as modules are run. */
function inOrder(modules: KnownModules, start: string): readonly string[] {
  const done = new Set<string>()
  const open = new Set<string>()
  const visit = (path: string): void => {
    if (open.has(path)) return
    open.add(path)
    for (const target of modules.get(path)?.imports ?? []) visit(target)
    done.add(path)
  }
  visit(start)
  return [...done]
}

/** Whether imports lead from a file back to itself. @param start the project file */
export function hasRing(modules: KnownModules, start: string): boolean {
  const order = new Map(inOrder(modules, start).map((path, i) => [path, i]))
  return [...order].some(([path, at]) => modules.get(path)?.imports.some((target) => (order.get(target) ?? -1) >= at))
}

/** Whether a way leads from the project file to every file. */
export function reachesAll(modules: KnownModules, start: string): boolean {
  const seen = new Set([start])
  for (const path of seen)
    for (const target of [...(modules.get(path)?.imports ?? []), ...(modules.get(path)?.late ?? [])]) seen.add(target)
  return seen.size === modules.size
}
