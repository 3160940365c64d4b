import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import type { AssetSpec } from '../assets/spec.ts'

/**
 * A manifest as a file of JSON lines. The first one says how many bytes the second one has. That is the head: what plans,
 * states and lists ask of every asset, with what many assets have alike written once. Then one line an asset with what is
 * asked of few assets at a time, which stays in the file until then: of ten thousand assets that is nine tenths of it.
 */
interface Start {
  readonly layout: 3
  readonly head: number
}
interface Head {
  readonly shared: readonly unknown[]
  /** Lengths of the lines. */
  readonly late: readonly number[]
  readonly assets: readonly Written[]
}

type Early = Omit<AssetSpec, keyof Late>
type Late = Pick<AssetSpec, 'compute' | 'lineage'>

const SHARED = ['columns', 'rowKey', 'partitions', 'checks', 'retry', 'backfill'] as const satisfies readonly (keyof Early)[]
type Shared = (typeof SHARED)[number]
/** With places in `shared`. */
type Written = Omit<Early, Shared> & { readonly [N in Shared]: number }

/** What a manifest is to this file: specs, and something about them. */
interface Content {
  readonly assets: readonly AssetSpec[]
}

/** The first line is filled up with blanks to this many bytes. */
const START_BYTES = 64

/** The pieces that the file consists of, one after the other. */
export function encodeManifest({ assets, ...rest }: Content): readonly Uint8Array[] {
  const texts = new Map<string, number>()
  const known = new Map<unknown, number>()
  const indexOf = (value: unknown): number => {
    const text = JSON.stringify(value)
    const at = texts.get(text) ?? texts.size
    texts.set(text, at)
    known.set(value, at)
    return at
  }
  const lines = assets.map((spec) => kept.get(spec)?.line() ?? lateLine(spec))
  const written = assets.map((spec): Written => {
    const early = earlyOf(spec)
    const at = (name: Shared): number => known.get(early[name]) ?? indexOf(early[name])
    return {
      ...early,
      columns: at('columns'),
      rowKey: at('rowKey'),
      partitions: at('partitions'),
      checks: at('checks'),
      retry: at('retry'),
      backfill: at('backfill'),
    }
  })
  const about = JSON.stringify({ ...rest, late: lines.map((line) => line.length), assets: written }).slice(0, -1)
  const head = Buffer.from(`${about},"shared":[${[...texts.keys()].join(',')}]}\n`)
  const start: Start = { layout: 3, head: head.length }
  return [Buffer.from(`${JSON.stringify(start).padEnd(START_BYTES - 1)}\n`), head, ...joined(lines)]
}

/** Lines that lie one behind the other in memory, as those do that were read from one file, as one piece. */
function joined(lines: readonly Uint8Array[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (const line of lines) {
    const last = pieces.at(-1)
    if (last !== undefined && last.buffer === line.buffer && last.byteOffset + last.length === line.byteOffset)
      pieces[pieces.length - 1] = new Uint8Array(last.buffer, last.byteOffset, last.length + line.length)
    else pieces.push(line)
  }
  return pieces
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
  if (layout !== 3) throw new Error('no manifest of this layout')
  const { shared, late, assets, ...rest } = JSON.parse(readRange(file, START_BYTES, head).toString('utf8')) as Head
  const rangeOf = rangesOf(file)
  let at = START_BYTES + head
  return {
    ...rest,
    assets: assets.map((written, i) => {
      const [start, length] = [at, late[i] ?? 0]
      at += length
      return specOf(read(written, shared), () => rangeOf(start, length))
    }),
  }
}

/** In place: to copy ten thousand takes longer than all else here. */
function read(written: Written, shared: Head['shared']): Early {
  const values: { [N in Shared]?: unknown } = written
  for (const name of SHARED) values[name] = shared[written[name]]
  return values as Early
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
