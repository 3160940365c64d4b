import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import type { AssetSpec } from '../assets/spec.ts'
import type { ColumnSpec } from '../schema/column.ts'

/**
 * A manifest as a file of JSON lines. The first one says how many bytes the second one has. That is the head: what plans,
 * states and lists ask of every asset, lists of columns that are equal written once. Then one line an asset with what is
 * asked of few assets at a time, which stays in the file until then: of ten thousand assets that is nine tenths of it.
 */
interface Start {
  readonly layout: 2
  readonly head: number
}
interface Head {
  readonly columns: readonly (readonly ColumnSpec[])[]
  readonly assets: readonly (Omit<Early, 'columns'> & { readonly columns: number; readonly late: number })[]
}

type Early = Omit<AssetSpec, keyof Late>
type Late = Pick<AssetSpec, 'compute' | 'lineage'>

/** What a manifest is to this file: specs, and something about them. */
interface Content {
  readonly assets: readonly AssetSpec[]
}

/** The first line is filled up with blanks to this many bytes. */
const START_BYTES = 64

export function encodeManifest({ assets, ...rest }: Content): Uint8Array {
  const columns = new Map<string, number>()
  const indexes = new Map<readonly ColumnSpec[], number>()
  const indexOf = (list: readonly ColumnSpec[]): number => {
    const text = JSON.stringify(list)
    const at = columns.get(text) ?? columns.size
    columns.set(text, at)
    indexes.set(list, at)
    return at
  }
  const lines = assets.map((spec) => kept.get(spec)?.line() ?? lateLine(spec))
  const early = assets.map((spec, i) => {
    const { columns: list, ...facts } = earlyOf(spec)
    return { ...facts, columns: indexes.get(list) ?? indexOf(list), late: lines[i]?.length ?? 0 }
  })
  const about = JSON.stringify(rest).slice(0, -1)
  const head = Buffer.from(`${about},"columns":[${[...columns.keys()].join(',')}],"assets":${JSON.stringify(early)}}\n`)
  const start: Start = { layout: 2, head: head.length }
  return Buffer.concat([Buffer.from(`${JSON.stringify(start).padEnd(START_BYTES - 1)}\n`), head, ...lines])
}

/** What a spec was read from, so that it is written again without being understood. */
const kept = new WeakMap<AssetSpec, { readonly early: Early; readonly line: () => Uint8Array; late: Late | undefined }>()

function earlyOf(spec: AssetSpec): Early {
  const known = kept.get(spec)?.early
  if (known !== undefined) return known
  const { compute: _, lineage: __, ...early } = spec
  return early
}

/** Whether two specs that were read are the same to the letter. False says nothing. */
export function isWrittenAlike(a: AssetSpec, b: AssetSpec): boolean {
  const [one, other] = [kept.get(a), kept.get(b)]
  if (one === undefined || other === undefined || JSON.stringify(one.early) !== JSON.stringify(other.early)) return false
  return Buffer.compare(one.line(), other.line()) === 0
}

const lateLine = ({ compute, lineage }: AssetSpec): Uint8Array =>
  Buffer.from(`${JSON.stringify({ compute, lineage } satisfies { [N in keyof Late]: Late[N] | undefined })}\n`)

/** @throws when the file is not there, or is no manifest of this layout */
export function decodeManifest(file: string): Content {
  const { layout, head } = JSON.parse(readRange(file, 0, START_BYTES).toString('utf8')) as Start
  if (layout !== 2) throw new Error('no manifest of this layout')
  const { columns, assets, ...rest } = JSON.parse(readRange(file, START_BYTES, head).toString('utf8')) as Head
  const rangeOf = rangesOf(file)
  let at = START_BYTES + head
  return {
    ...rest,
    assets: assets.map(({ columns: list, late, ...facts }) => {
      const start = at
      at += late
      return specOf({ ...facts, columns: columns[list] ?? [] }, () => rangeOf(start, late))
    }),
  }
}

/** So many lines are read one by one; who wants more will want them all. */
const FEW = 50

function rangesOf(file: string): (start: number, length: number) => Buffer {
  let asked = 0
  let all: Buffer | undefined
  return (start, length) => {
    if (++asked <= FEW) return readRange(file, start, length)
    all ??= readFileSync(file)
    return all.subarray(start, start + length)
  }
}

function readRange(file: string, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length)
  const descriptor = openSync(file, 'r')
  try {
    if (readSync(descriptor, bytes, 0, length, start) < length) throw new Error(`${file} ends too early`)
  } finally {
    closeSync(descriptor)
  }
  return bytes
}

function specOf(early: Early, line: () => Uint8Array): AssetSpec {
  const spec: AssetSpec = Object.defineProperties({ ...early }, LATE)
  kept.set(spec, { early, line, late: undefined })
  return spec
}

function lateOf(spec: AssetSpec): Late {
  const of = kept.get(spec)
  if (of === undefined) return {}
  of.late ??= JSON.parse(Buffer.from(of.line()).toString('utf8')) as Late
  return of.late
}

/** The same for all specs, so that ten thousand of them have one shape. */
const LATE = Object.fromEntries(
  (['compute', 'lineage'] satisfies readonly (keyof Late)[]).map((name) => [
    name,
    {
      enumerable: true,
      configurable: true,
      get(this: AssetSpec) {
        return lateOf(this)[name]
      },
    },
  ]),
)
