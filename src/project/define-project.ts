import type { SourceLocation } from '../errors.ts'
import { callSite } from '../call-site.ts'

export interface ProjectOptions {
  readonly name: string
  /**
   * The assets: modules by name (`import * as orders from './silver/orders.ts'`) or records of them, nested as you like.
   * Not one array: TypeScript refuses array literals of some thousand elements (TS2590).
   */
  readonly assets: { readonly [name: string]: object }
  /** Names of environment variables that definitions read; a change of their values reloads the project. */
  readonly env?: readonly string[]
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
