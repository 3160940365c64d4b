import { type AssetDefinition, outputName } from '../assets/define-asset.ts'
import { didYouMean } from '../assets/nearest.ts'
import { AssayError } from '../errors.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { Lineage, LineageKind, LineageSource } from '../sql/lineage-sources.ts'

const ROWS = '$rows'

/**
 * What a function says of its own lineage, as the lineage of the asset; undefined where it says nothing.
 * @param columnsOf columns of an asset by its key
 * @throws ASSAY-1014 for a dep or column that is not there
 */
export function declaredLineage(
  { key, schema, made }: AssetDefinition,
  columnsOf: (key: string) => readonly ColumnSpec[],
): Lineage | undefined {
  const compute = made?.compute
  if (compute?.kind !== 'typescript') return undefined
  const declared = declaredFor(key, made, compute.lineage)
  if (declared === undefined) return undefined
  const own = Object.keys(schema)
  const refuse = (what: string, wanted: string, names: readonly string[]): AssayError => {
    const next = didYouMean(wanted, names)
    return new AssayError('ASSAY-1014', `the lineage of ${key} names ${what}`, {
      where: compute.where,
      ...(next === undefined ? {} : { next }),
    })
  }
  const sourceOf = (text: string, kind: LineageKind): LineageSource => {
    const [dep = '', ...rest] = text.split('.')
    const column = rest.join('.')
    const read = made?.deps[dep]
    if (read === undefined) throw refuse(`the dep ${dep}, which it does not have`, dep, Object.keys(made?.deps ?? {}))
    const names = columnsOf(read.key).map(({ name }) => name)
    if (!names.includes(column)) throw refuse(`${text}, which is no column`, column, names)
    return [dep, column, kind]
  }
  const { [ROWS]: rows, ...columns } = declared
  const stray = Object.keys(columns).find((name) => !own.includes(name))
  if (stray !== undefined) throw refuse(`its column ${stray}, which it does not have`, stray, own)
  const named = Object.entries(columns).map(([name, sources]) => [name, sources.map((text) => sourceOf(text, 'derive'))] as const)
  return { columns: Object.fromEntries(named), ...(rows === undefined ? {} : { rows: rows.map((text) => sourceOf(text, 'filter')) }) }
}

type Lineages = Readonly<Record<string, readonly string[]>>

/** Of several outputs, the part that is about this one. */
function declaredFor(key: string, made: AssetDefinition['made'], lineage: object | undefined): Lineages | undefined {
  const name = made === undefined ? undefined : outputName(made, key)
  return (name === undefined ? lineage : (lineage as Readonly<Record<string, object>> | undefined)?.[name]) as Lineages | undefined
}
