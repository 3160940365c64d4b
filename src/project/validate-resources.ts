import { AssayError } from '../errors.ts'
import { isResource, type Resource } from '../resources/resource.ts'
import type { Modules } from './code-reader.ts'
import type { Project } from './define-project.ts'

/** Resources of one name that the project's files export. ASSAY-1020 */
export function twinResources(modules: Modules): readonly AssayError[] {
  const exported = new Set(modules.files.flatMap((file) => Object.values(modules.namespace(file)).filter(isResource)))
  const byName = new Map<string, Resource<unknown>>()
  return [...exported].flatMap((resource) => {
    const twin = byName.get(resource.name)
    byName.set(resource.name, resource)
    if (twin === undefined) return []
    return [new AssayError('ASSAY-1020', `two resources are called ${resource.name}`, { where: resource.where, details: placeOf(twin) })]
  })
}

const placeOf = ({ where }: Resource<unknown>): readonly string[] =>
  where === undefined ? [] : [`the other is at ${where.file}:${where.line}`]

/** Profiles that put two things in the place of one. ASSAY-1020 */
export const doubleSwaps = ({ profiles = {}, where }: Project): readonly AssayError[] =>
  Object.entries(profiles).flatMap(([profile, swaps]) => {
    const names = swaps.map(({ name }) => name)
    const twice = names.find((name, i) => names.indexOf(name) !== i)
    return twice === undefined ? [] : [new AssayError('ASSAY-1020', `the profile ${profile} swaps ${twice} twice`, { where })]
  })
