import type * as z from 'zod'
import { callSite } from '../call-site.ts'
import type { SourceLocation } from '../errors.ts'

/** The settings of a resource: an object of zod, each field of which has a name in the environment. */
export type SettingsSchema = z.ZodObject

/**
 * A typed handle to the outside (a client, a connection, a folder), opened in the worker that uses it, once, and closed
 * when that worker ends. It is part of no code version: what a resource is never makes data stale.
 */
export interface Resource<T> {
  readonly name: string
  readonly settings: SettingsSchema | undefined
  readonly open: (settings: never) => T | Promise<T>
  readonly close: ((value: T) => void | Promise<void>) | undefined
  readonly where: SourceLocation | undefined
}

export interface ResourceOptions<T, S extends SettingsSchema> {
  /**
   * What it needs to know. The field `apiToken` of the resource `crm` is read from the variable `CRM_API_TOKEN`, from the
   * file that `CRM_API_TOKEN_FILE` names, or from `{ "crm": { "apiToken": … } }` in `assay.settings.json`, in this order;
   * with a profile, `assay.settings.<profile>.json` stands before the latter. A secret: `z.string().transform(secret)`.
   */
  readonly settings?: S
  readonly open: (settings: z.output<S>) => T | Promise<T>
  readonly close?: (value: T) => void | Promise<void>
}

const resources = new WeakSet<object>()

/** Declares a resource. Pure: nothing is opened before a compute asks for it by `use(…)`. @param name of letters, digits and _ */
export function resource<T, S extends SettingsSchema = z.ZodObject>(name: string, options: ResourceOptions<T, S>): Resource<T> {
  const made: Resource<T> = Object.freeze({
    name,
    settings: options.settings,
    open: options.open as Resource<T>['open'],
    close: options.close,
    where: callSite(resource),
  })
  resources.add(made)
  return made
}

export const isResource = (value: unknown): value is Resource<unknown> =>
  typeof value === 'object' && value !== null && resources.has(value)

/** One resource in the place of another, in a profile. */
export interface Swap {
  readonly name: string
  readonly by: Resource<unknown>
}

/** In the profiles of a project: `{ test: [swap(crm, fakeCrm)] }`. Both must give the same type. */
export const swap = <T>(resource: Resource<T>, by: Resource<T>): Swap => ({ name: resource.name, by: by as Resource<unknown> })
