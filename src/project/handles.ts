import { didYouMean } from '../assets/nearest.ts'
import { AssayError } from '../errors.ts'
import { dimensionsOf, type PartitionsSpec } from '../partitions/spec.ts'
import type { Schema } from '../schema/column.ts'
import { type Handle, handleOf, type PartitionParams, partitionParams } from '../sql/template.ts'

/** The deps of a query function as values, which speak up when a dep or column is read that is not there. */
export function guardedHandles(asset: string, deps: Readonly<Record<string, readonly string[]>>): Readonly<Record<string, Handle<Schema>>> {
  const handles = Object.fromEntries(Object.entries(deps).map(([dep, columns]) => [dep, guardedHandle(dep, columns)]))
  return guard(handles, (name) => {
    const names = Object.keys(deps)
    const known = names.length === 0 ? 'it has none' : names.join(', ')
    return undeclared(`${asset} reads '${name}', which is not among its deps: ${known}`, name, names)
  })
}

/** What a query function may say of the partitions that it makes: of a product also `partition.day.start`. */
export function guardedParams(spec: PartitionsSpec): PartitionParams {
  const names = dimensionsOf(spec).flatMap(({ name }) => (name === '' ? [] : [name]))
  const params = partitionParams(names)
  const known = Object.keys(params)
  return guard(params, (name) => undeclared(`partition has no '${name}', but ${known.join(', ')}`, name, known))
}

function guardedHandle(dep: string, columns: readonly string[], alias?: string): Handle<Schema> {
  const handle: Handle<Schema> = {
    ...handleOf(dep, columns, alias),
    as: (name: string) => guardedHandle(dep, columns, name),
  } as Handle<Schema>
  return guard(handle, (name) => undeclared(`${dep} has no column '${name}'`, name, columns))
}

function guard<T extends object>(target: T, missing: (name: string) => AssayError): T {
  return new Proxy(target, {
    get(of, name) {
      if (typeof name === 'symbol' || Object.hasOwn(of, name)) return Reflect.get(of, name)
      throw missing(name)
    },
  })
}

const undeclared = (what: string, name: string, names: readonly string[]): AssayError => {
  const next = didYouMean(name, names)
  return new AssayError('ASSAY-1014', what, next === undefined ? {} : { next })
}
