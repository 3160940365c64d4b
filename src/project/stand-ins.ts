import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'

/** What modules export that are not loaded, by file. */
const standIns = new Map<string, () => Exports>()

type Exports = Readonly<Record<string, unknown>>

/** The exports that stand for those of a file; undefined where it is loaded itself. The text of a module that stands in calls this. */
export const standIn = (file: string): Exports | undefined => standIns.get(file)?.()

const SCHEME = 'assay-known:'

/**
 * From here on, an import of one of these files gives its exports without loading it. Must be called after the modules
 * began to be recorded, so that the imports are recorded as those of the files themselves.
 */
export function standInFor(exports: ReadonlyMap<string, () => Exports>): void {
  for (const [file, values] of exports) standIns.set(file, values)
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context)
      const file = resolved.url.startsWith('file:') ? fileURLToPath(resolved.url.replace(/[?#].*$/, '')) : undefined
      if (file === undefined || !standIns.has(file)) return resolved
      return { url: `${SCHEME}${encodeURIComponent(file)}`, format: 'module', shortCircuit: true }
    },
    load(url, context, next) {
      if (!url.startsWith(SCHEME)) return next(url, context)
      return { format: 'module', source: sourceOf(decodeURIComponent(url.slice(SCHEME.length))), shortCircuit: true }
    },
  })
}

function sourceOf(file: string): string {
  const lines = Object.keys(standIn(file) ?? {}).map((name, i) => {
    const text = JSON.stringify(name)
    return `const e${i} = exports[${text}]\nexport { e${i} as ${text} }`
  })
  const here = JSON.stringify(import.meta.url)
  return `import { standIn } from ${here}\nconst exports = standIn(${JSON.stringify(file)})\n${lines.join('\n')}\n`
}
