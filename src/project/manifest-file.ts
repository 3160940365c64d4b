import type { AssetSpec } from '../assets/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'
import type { Manifest } from './manifest.ts'

/**
 * A manifest as bytes. The first line is JSON: what plans, states and lists ask of every asset, lists of columns that are
 * equal written once. Then one line an asset with what is asked of few assets at a time, which stays text until then: of
 * ten thousand assets that is nine tenths of all bytes.
 */
interface Head extends Omit<Manifest, 'assets'> {
  readonly layout: 2
  readonly columns: readonly (readonly ColumnSpec[])[]
  readonly assets: readonly Early[]
}

/** `columns`: index of the list. `late`: bytes of its line, with the line end. */
type Early = Omit<AssetSpec, keyof Late | 'columns'> & { readonly columns: number; readonly late: number }
type Late = Pick<AssetSpec, 'compute' | 'lineage' | 'rejects'>

/** The lines of specs that were read, so that they are written again without being understood. */
const lines = new WeakMap<AssetSpec, () => Uint8Array>()

export function encodeManifest({ assets, ...rest }: Manifest): Uint8Array {
  const columns = new Map<string, number>()
  const known = new Map<readonly ColumnSpec[], number>()
  const indexOf = (list: readonly ColumnSpec[]): number => {
    const text = JSON.stringify(list)
    const at = columns.get(text) ?? columns.size
    columns.set(text, at)
    known.set(list, at)
    return at
  }
  const late = assets.map((spec) => lines.get(spec)?.() ?? lateLine(spec))
  const early = assets.map((spec, i): Early => {
    const { columns: list, ...facts } = earlyOf(spec)
    return { ...facts, columns: known.get(list) ?? indexOf(list), late: late[i]?.length ?? 0 }
  })
  const { layout, ...manifest } = { layout: 2 as const, ...rest }
  const head = `${JSON.stringify({ layout, ...manifest }).slice(0, -1)},"columns":[${[...columns.keys()].join(',')}],"assets":${JSON.stringify(early)}}\n`
  return Buffer.concat([Buffer.from(head), ...late])
}

/** Getters are not asked. */
function earlyOf(spec: AssetSpec): Omit<AssetSpec, keyof Late> {
  const known = earlyParts.get(spec)
  if (known !== undefined) return known
  const { compute: _, lineage: __, rejects: ___, ...early } = spec
  return early
}

const earlyParts = new WeakMap<AssetSpec, Omit<AssetSpec, keyof Late>>()

const lateLine = ({ compute, lineage, rejects }: AssetSpec): Uint8Array =>
  Buffer.from(`${JSON.stringify({ compute, lineage, rejects } satisfies { [N in keyof Late]: Late[N] | undefined })}\n`)

/** @throws when the bytes are no manifest of this layout */
export function decodeManifest(bytes: Buffer): Manifest {
  const end = bytes.indexOf('\n')
  const { layout, columns, assets, ...rest } = JSON.parse(bytes.toString('utf8', 0, end < 0 ? 0 : end)) as Head
  if (layout !== 2) throw new Error('no manifest of this layout')
  let at = end + 1
  return {
    ...rest,
    assets: assets.map(({ columns: list, late, ...facts }) => {
      const start = at
      at += late
      return specOf({ ...facts, columns: columns[list] ?? [] }, () => bytes.subarray(start, start + late))
    }),
  }
}

/** Its late parts are read from the line when one of them is first asked for. */
function specOf(early: Omit<AssetSpec, keyof Late>, line: () => Buffer): AssetSpec {
  let read: Late | undefined
  const late = (): Late => (read ??= JSON.parse(line().toString('utf8')) as Late)
  const spec: { [N in keyof AssetSpec]: AssetSpec[N] | undefined } = {
    ...early,
    get compute() {
      return late().compute
    },
    get lineage() {
      return late().lineage
    },
    get rejects() {
      return late().rejects
    },
  }
  lines.set(spec as AssetSpec, line)
  earlyParts.set(spec as AssetSpec, early)
  return spec as AssetSpec
}
