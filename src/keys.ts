import { AssayError, type SourceLocation } from './errors.ts'

/** `layer.name`, for example `silver.orders`. The part before the last dot is the namespace of its table. */
export type AssetKey = string & { readonly __assetKey: never }

const KEY = /^[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+$/

/** @throws ASSAY-1004 when the text is not a key. */
export function assetKey(text: string, where?: SourceLocation): AssetKey {
  if (!KEY.test(text)) throw new AssayError('ASSAY-1004', `'${text}' is not an asset key`, { where })
  return text as AssetKey
}

/** The first word of a key: bronze, silver, gold, … */
export const layerOf = (key: AssetKey): string => key.slice(0, key.indexOf('.'))

/** Where the table of an asset lies in a catalog: everything before the last dot, and the last word. */
export function tableNameOf(key: AssetKey): { readonly namespace: string; readonly name: string } {
  const dot = key.lastIndexOf('.')
  return { namespace: key.slice(0, dot), name: key.slice(dot + 1) }
}
