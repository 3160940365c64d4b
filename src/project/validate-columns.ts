import type { AssetDefinition } from '../assets/define-asset.ts'
import { REJECT_REASON } from '../assets/spec.ts'
import { didYouMean } from '../assets/nearest.ts'
import { AssayError } from '../errors.ts'
import { holders, transformOf } from '../partitions/holder.ts'
import { type DimensionSpec, dimensionsOf } from '../partitions/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'
import { decimalOf, fixedLength, type IcebergType, typeName } from '../schema/iceberg-type.ts'

/** What is wrong within one asset: its columns, and its options. Places are absolute. */
export function validateColumns(asset: AssetDefinition, columns: readonly ColumnSpec[]): readonly AssayError[] {
  const wrong = (code: 'ASSAY-1011' | 'ASSAY-1016', what: string, next?: string): AssayError =>
    new AssayError(code, what, { where: asset.where, ...(next === undefined ? {} : { next }) })
  return [
    ...columns.flatMap((column) => [...nameFaults(asset, column), ...typeFaults(asset, column)]).map((what) => wrong('ASSAY-1011', what)),
    ...twins(columns).map((pair) => wrong('ASSAY-1011', `${asset.key}: ${pair} differ by case alone, which SQL does not see`)),
    ...asset.rowKey.flatMap((name) => absent(asset, columns, 'key', name).map(([what, next]) => wrong('ASSAY-1011', what, next))),
    ...partitionFaults(asset, columns).map(([code, what, next]) => wrong(code, what, next)),
    ...policyFaults(asset).map(([what, next]) => wrong('ASSAY-1011', what, next)),
    ...quarantineFaults(asset, columns).map((what) => wrong('ASSAY-1011', what)),
  ]
}

function nameFaults(asset: AssetDefinition, { name }: ColumnSpec): readonly string[] {
  if (name.trim() === '') return [`${asset.key} has a column without a name`]
  if (name.startsWith('$'))
    return [`${asset.key}.${name}: a column name cannot begin with $, as $rows stands for the whole table in checks`]
  return name === 'as' ? [`${asset.key}.as: a column cannot be called as, which gives an input its short name in sql`] : []
}

function typeFaults(asset: AssetDefinition, column: ColumnSpec): readonly string[] {
  const at = `${asset.key}.${column.name}`
  if (column.values?.length === 0) return [`${at}: an enum needs at least one value`]
  return faultsOf(at, column.type)
}

/** Those of nested types are named by their path: `silver.orders.lines.price`. */
function faultsOf(at: string, type: IcebergType): readonly string[] {
  if (typeof type === 'string') return type.startsWith('fixed') ? fixedFaults(at, type) : decimalFaults(at, type)
  if (type.type === 'list') return faultsOf(`${at}.element`, type.element)
  if (type.type === 'map') return [...faultsOf(`${at}.key`, type.key), ...faultsOf(`${at}.value`, type.value)]
  const blank = type.fields.some((field) => field.name.trim() === '') ? [`${at} has a field without a name`] : []
  const same = twins(type.fields).map((pair) => `${at}: ${pair} differ by case alone, which SQL does not see`)
  const empty = type.fields.length === 0 ? [`${at}: a struct needs at least one field`] : []
  return [...blank, ...same, ...empty, ...type.fields.flatMap((field) => faultsOf(`${at}.${field.name}`, field.type))]
}

const fixedFaults = (at: string, type: IcebergType): readonly string[] =>
  (fixedLength(type) ?? 0) > 0 ? [] : [`${at}: ${typeName(type)} is no fixed type: its length is a whole number above 0`]

function decimalFaults(at: string, type: IcebergType): readonly string[] {
  if (!typeName(type).startsWith('decimal')) return []
  const decimal = decimalOf(type)
  if (decimal === undefined) return [`${at}: ${typeName(type)} is no decimal: precision and scale are whole numbers`]
  if (decimal.precision < 1 || decimal.precision > 38)
    return [`${at}: a decimal has a precision of 1 to 38 digits, not ${decimal.precision}`]
  return decimal.scale > decimal.precision ? [`${at}: of ${decimal.precision} digits, ${decimal.scale} cannot stand after the point`] : []
}

function twins(columns: readonly { readonly name: string }[]): readonly string[] {
  const first = new Map<string, string>()
  return columns.flatMap(({ name }) => {
    const other = first.get(name.toLowerCase())
    first.set(name.toLowerCase(), name)
    return other === undefined ? [] : [`${other} and ${name}`]
  })
}

const absent = (
  asset: AssetDefinition,
  columns: readonly ColumnSpec[],
  option: string,
  name: string,
): readonly (readonly [string, string?])[] =>
  columns.some((column) => column.name === name)
    ? []
    : [
        [
          `${option} of ${asset.key} names the column ${name}, which it does not have`,
          didYouMean(
            name,
            columns.map((column) => column.name),
          ) ?? 'Mend the name.',
        ],
      ]

type PartitionFault = readonly ['ASSAY-1011' | 'ASSAY-1016', string, (string | undefined)?]

function partitionFaults(asset: AssetDefinition, columns: readonly ColumnSpec[]): readonly PartitionFault[] {
  const dimensions = dimensionsOf(asset.partitions.spec)
  const faults = dimensions.flatMap(({ name, spec }) => dimensionFaults(asset, columns, { name, spec }))
  const twice = dimensions.find(
    ({ spec }, i) => spec.column !== undefined && dimensions.findIndex((d) => d.spec.column === spec.column) !== i,
  )
  if (twice === undefined) return faults
  return [...faults, ['ASSAY-1016', `two dimensions of ${asset.key} are held by ${twice.spec.column}`, 'Name a column for each.']]
}

function dimensionFaults(
  asset: AssetDefinition,
  columns: readonly ColumnSpec[],
  { name, spec }: { readonly name: string; readonly spec: DimensionSpec },
): readonly PartitionFault[] {
  const slice = spec.dim !== 'time' ? 'value' : spec.grain === 'cron' ? 'window' : spec.grain
  if (spec.column === undefined) {
    const which = name === '' ? `the ${slice}` : `the ${slice} of ${name}`
    const made = `${asset.key} has ${slice}s, but does not say which column holds ${which}`
    return columns.length === 0 ? [] : [['ASSAY-1016', made, 'Say it with .on(column) behind the partitions.']]
  }
  const column = columns.find((c) => c.name === spec.column)
  if (column === undefined)
    return absent(asset, columns, 'partitions', spec.column).map(([what, next]): PartitionFault => ['ASSAY-1011', what, next])
  const type = typeof column.type === 'string' ? column.type : undefined
  if (type !== undefined && transformOf(spec, type) !== undefined) return []
  const of = spec.dim === 'time' && spec.zone !== undefined ? ` of ${spec.zone}` : ''
  const what = `${asset.key}.${column.name} is a ${typeName(column.type)}, which holds no ${slice}${of}`
  return [['ASSAY-1016', what, `Name a column of type ${holders(spec).join(', ')}; a string holds the key of the partition.`]]
}

/** What timers can count, in milliseconds: 24 days. */
const LONGEST = 2 ** 31 - 1

/** What JSON cannot hold, such as Infinity, would be lost on the way to the plan. */
function policyFaults({ key, retry, backfill, timeout }: AssetDefinition): readonly (readonly [string, string])[] {
  const fault = (name: string, value: number, isGood: boolean, is: string): readonly (readonly [string, string])[] =>
    isGood ? [] : [[`${name} of ${key} is ${value}`, `It is ${is}.`]]
  return [
    ...fault('retry.max', retry.max, Number.isSafeInteger(retry.max) && retry.max >= 0, 'a whole number, 0 or more'),
    ...fault('retry.delay', retry.delay, Number.isFinite(retry.delay) && retry.delay >= 0, 'a number of milliseconds, 0 or more'),
    ...fault(
      'backfill.partitionsPerStep',
      backfill.partitionsPerStep,
      Number.isSafeInteger(backfill.partitionsPerStep) && backfill.partitionsPerStep >= 1,
      'a whole number, 1 or more',
    ),
    ...(timeout === undefined
      ? []
      : fault('timeout', timeout, timeout > 0 && timeout <= LONGEST, `a number of milliseconds, above 0 and up to ${LONGEST}`)),
  ]
}

function quarantineFaults(asset: AssetDefinition, columns: readonly ColumnSpec[]): readonly string[] {
  if (!asset.quarantine) return []
  if (asset.kind !== 'table') return [`${asset.key} has no table, so there are no rows to quarantine`]
  const clash = columns.some(({ name }) => name.toLowerCase() === REJECT_REASON)
  return clash ? [`${asset.key}.${REJECT_REASON}: the table of rejected rows has a column of this name of its own`] : []
}
