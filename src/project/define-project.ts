import type { SourceLocation } from '../errors.ts'
import { callSite } from '../call-site.ts'
import type { Swap } from '../resources/resource.ts'

export interface ProjectOptions {
  readonly name: string
  /**
   * The assets: modules by name (`import * as orders from './silver/orders.ts'`) or records of them, nested as you like.
   * Not one array: TypeScript refuses array literals of some thousand elements (TS2590).
   */
  readonly assets: { readonly [name: string]: object }
  /** Names of environment variables that definitions read; a change of their values reloads the project. */
  readonly env?: readonly string[]
  /**
   * Sets of resources by name, beside `local`, which has the resources as they are: `{ test: [swap(crm, fakeCrm)] }`. Chosen
   * by `--profile` or `ASSAY_PROFILE`; a profile never makes data stale.
   */
  readonly profiles?: { readonly [name: string]: readonly Swap[] }
}

/** What a project file exports by default. */
export interface Project extends ProjectOptions {
  readonly where: SourceLocation | undefined
}

const projects = new WeakSet<object>()

/** Composes the definitions into a project. Pure: it reads and validates nothing; loading does. */
export function defineProject(options: ProjectOptions): Project {
  const project: Project = Object.freeze({ ...options, where: callSite(defineProject) })
  projects.add(project)
  return project
}

export const isProject = (value: unknown): value is Project => typeof value === 'object' && value !== null && projects.has(value)
