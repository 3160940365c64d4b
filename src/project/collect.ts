import { types } from 'node:util'
import { type AssetDefinition, definitionOf } from '../assets/define-asset.ts'
import type { Project } from './define-project.ts'

/**
 * The assets of a project, each once, in the order in which they are met: in records, nested as the user likes, and in
 * module namespaces. What is neither an asset nor such a container is passed over.
 */
export function collectAssets(project: Project): readonly AssetDefinition[] {
  const found = new Map<object, AssetDefinition>()
  const seen = new Set<object>()
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    const definition = definitionOf(value)
    if (definition !== undefined) found.set(value, definition)
    else if (isContainer(value)) Object.values(value).forEach(visit)
  }
  visit(project.assets)
  return [...found.values()]
}

/** A plain record or a module. Instances of classes may be anything, and may do something when they are read. */
const isContainer = (value: object): boolean =>
  types.isModuleNamespaceObject(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value))
