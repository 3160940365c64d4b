import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bindMapping, bindPartitions, narrowPartitions, notRemoved, overfull, withRemoved } from '../../src/partitions/bind.ts'
import { daily, dynamic, type Partitions, product, staticPartitions } from '../../src/partitions/declare.ts'
import type { DeclaredMapping } from '../../src/partitions/mapping.ts'
import { each, intersect, normalise, type PartitionSet } from '../../src/partitions/partition-set.ts'
import { universe } from '../../src/partitions/partitions.ts'
import { pack, room, unpack } from '../../src/partitions/product.ts'
import { downstreamOf, type MappingSpec, reachOf, upstreamOf } from '../../src/partitions/reach.ts'
import type { Registries, Registry } from '../../src/partitions/registry.ts'
import { resolveMapping } from '../../src/partitions/resolve.ts'
import { formatSet, parseSet, partitionKey, readSet, shortSet } from '../../src/partitions/texts.ts'

const NOW = Date.UTC(2026, 0, 10)
const DAYS = daily({ start: '2026-01-01', end: '2026-01-04' })
const DAY_KEYS = ['2026-01-01', '2026-01-02', '2026-01-03']
const CUSTOMERS = dynamic('customers')

/** A registry as a person would keep it: every name ever added, in order, and those that are struck out. */
class Ledger {
  readonly names: string[] = []
  readonly struck = new Set<string>()

  turn({ add, name }: Turn): void {
    if (add && !this.names.includes(name)) this.names.push(name)
    if (add) this.struck.delete(name)
    else if (this.names.includes(name)) this.struck.add(name)
  }

  get there(): string[] {
    return this.names.filter((name) => !this.struck.has(name))
  }

  registry(): Registry {
    const live = this.names.flatMap((name, id) => (this.struck.has(name) ? [] : [[id, id + 1] as const]))
    return { values: this.names.map((name, id) => [id, name]), live: normalise(live) }
  }

  bound(): Registries {
    return new Map([['customers', this.registry()]])
  }
}

interface Turn {
  readonly add: boolean
  readonly name: string
}

/** With names that need quotes, or look like something else. */
const NAMES = ['acme', 'beta', 'new york', 'a,b', 'none', '*', 'x=y', 'é"', '7', '..']
const turns: fc.Arbitrary<readonly Turn[]> = fc.array(fc.record({ add: fc.boolean(), name: fc.constantFrom(...NAMES) }), { maxLength: 20 })

const SHAPES: readonly (readonly [string, Partitions, (ledger: Ledger) => string[][]])[] = [
  ['a registry', CUSTOMERS, (l) => l.there.map((c) => [c])],
  ['a day and a registry', product({ day: DAYS, customer: CUSTOMERS }), (l) => l.there.flatMap((c) => DAY_KEYS.map((d) => [d, c]))],
  [
    'a registry and a list',
    product({ kind: staticPartitions(['a', 'b']), customer: CUSTOMERS }),
    (l) => l.there.flatMap((c) => ['a', 'b'].map((k) => [k, c])),
  ],
  [
    'a registry, a day and a list',
    product({ customer: CUSTOMERS, day: DAYS, kind: staticPartitions(['a', 'b']) }),
    (l) => l.there.flatMap((c) => DAY_KEYS.flatMap((d) => ['a', 'b'].map((k) => [c, d, k]))),
  ],
  [
    'two registries',
    product({ customer: CUSTOMERS, other: dynamic('customers') }),
    (l) => l.there.flatMap((c) => l.there.map((o) => [c, o])),
  ],
]

const quoted = (value: string): string => (/^(?!.*\.\.)(?!none$)[\p{L}\p{N}_.:+-]+$/u.test(value) ? value : JSON.stringify(value))

describe.each(SHAPES)('%s', (_, { spec, ...declared }, keysOf) => {
  const names = 'dimensions' in declared ? Object.keys(declared.dimensions) : ['']
  const keyOf = (key: readonly string[]): string =>
    names.length === 1 ? quoted(key[0] ?? '') : key.map((value, i) => `${names[i]}=${quoted(value)}`).join('/')

  test('has the partitions of the values that are there, each under one number for good', () => {
    fc.assert(
      fc.property(turns, (list) => {
        const ledger = new Ledger()
        const numbers = new Map<string, number>()
        for (const turn of list) {
          ledger.turn(turn)
          const bound = bindPartitions(spec, ledger.bound())
          const exist = universe(bound, NOW)
          const keys = [...each(exist)].map((at) => partitionKey(bound, at))
          expect([...keys].sort()).toEqual(keysOf(ledger).map(keyOf).sort())
          for (const [i, at] of [...each(exist)].entries()) {
            expect(numbers.get(keys[i] ?? '') ?? at).toBe(at)
            numbers.set(keys[i] ?? '', at)
            expect(pack(bound, unpack(bound, at))).toBe(at)
            expect(parseSet(bound, keys[i] ?? '', exist)).toEqual([[at, at + 1]])
          }
          expect(new Set(numbers.values()).size).toBe(numbers.size)
          if (exist.length > 0) expect(parseSet(bound, formatSet(bound, exist), exist)).toEqual(exist)
          // What is not removed holds these and no other partition that there ever was.
          const there = notRemoved(bound) ?? []
          expect([...numbers.values()].filter((at) => intersect(there, [[at, at + 1]]).length > 0).sort()).toEqual([...each(exist)].sort())
          for (const at of numbers.values()) expect(intersect(universe(withRemoved(bound), NOW), [[at, at + 1]])).toEqual([[at, at + 1]])
        }
      }),
      { numRuns: 40 },
    )
  })

  test('narrowed to a set, it still reads and writes the keys of the set', () => {
    fc.assert(
      fc.property(turns, fc.nat(), (list, seed) => {
        const ledger = new Ledger()
        for (const turn of list) ledger.turn(turn)
        const bound = bindPartitions(spec, ledger.bound())
        const all = [...each(universe(bound, NOW))]
        const some: PartitionSet = normalise(all.filter((at, i) => (seed >> (i % 20)) % 2 === 1 && at >= 0).map((at) => [at, at + 1]))
        const narrow = narrowPartitions(bound, some)
        expect(formatSet(narrow, some)).toBe(formatSet(bound, some))
        expect(JSON.parse(JSON.stringify(narrow))).toEqual(narrow)
      }),
      { numRuns: 20 },
    )
  })
})

describe('mappings between registries, lists and days', () => {
  const sales = product({ day: DAYS, customer: CUSTOMERS })
  const regions = staticPartitions(['eu', 'us'])
  const reads: Readonly<Record<string, readonly string[]>> = { acme: ['eu'], beta: ['us', 'eu'], 'new york': [] }

  /** Keys by dimension of a partition, and whether one partition reads another, by names alone. */
  type Case = readonly [string, DeclaredMapping, Partitions, Partitions, (reader: readonly string[], dep: readonly string[]) => boolean]
  const CASES: readonly Case[] = [
    ['the same value', { kind: 'identity' }, CUSTOMERS, CUSTOMERS, ([a], [b]) => a === b],
    ['a product of a registry', { kind: 'identity' }, sales, CUSTOMERS, ([, a], [b]) => a === b],
    ['all of a dimension', { kind: 'dimensions', dimensions: { day: 'all', customer: 'same' } }, CUSTOMERS, sales, ([a], [, b]) => a === b],
    ['all of the registry', { kind: 'dimensions', dimensions: { day: 'same', customer: 'all' } }, DAYS, sales, ([a], [b]) => a === b],
    [
      'a table of a list',
      { kind: 'table', table: { eu: ['acme', 'x=y'], us: [] } },
      regions,
      CUSTOMERS,
      ([r], [c = '']) => r === 'eu' && ['acme', 'x=y'].includes(c),
    ],
    ['a table of a registry', { kind: 'table', table: reads }, CUSTOMERS, regions, ([c = ''], [r = '']) => reads[c]?.includes(r) ?? false],
  ]
  const partsOf = (key: string): readonly string[] =>
    key.split('/').map((part) => {
      const text = part.replace(/^(day|customer)=/, '')
      return text.startsWith('"') ? String(JSON.parse(text)) : text
    })

  test.each(CASES.map(([title, ...rest]) => [title, rest] as const))('%s', (_, [declared, reader, dep, isRead]) => {
    const resolved = resolveMapping(declared, reader.spec, dep.spec)
    const unbound = resolved.fault === undefined ? resolved.mapping : expect.fail(resolved.fault.what)
    fc.assert(
      fc.property(turns, fc.array(fc.nat(30), { maxLength: 6 }), fc.array(fc.nat(30), { maxLength: 6 }), (list, wants, makes) => {
        const ledger = new Ledger()
        for (const turn of list) ledger.turn(turn)
        const registries = ledger.bound()
        const mapping: MappingSpec = bindMapping(unbound, registries)
        const [readerSpec, depSpec] = [bindPartitions(reader.spec, registries), bindPartitions(dep.spec, registries)]
        const [readers, deps] = [[...each(universe(readerSpec, NOW))], [...each(universe(depSpec, NOW))]]
        const pick = (from: readonly number[], at: readonly number[]): PartitionSet =>
          normalise(at.flatMap((i) => (from[i] === undefined ? [] : [[from[i], (from[i] ?? 0) + 1] as const])))
        const [wanted, made] = [pick(readers, wants), pick(deps, makes)]
        const readBy = (r: number, d: number): boolean => isRead(partsOf(partitionKey(readerSpec, r)), partsOf(partitionKey(depSpec, d)))
        const wish = deps.filter((d) => [...each(wanted)].some((r) => readBy(r, d)))
        const done = new Set(each(made))
        const { needed, missing } = upstreamOf(mapping, wanted, universe(depSpec, NOW), made)
        expect([...each(needed)]).toEqual(wish.filter((d) => done.has(d)))
        // Beyond those that exist, only what cannot be made.
        expect([...each(intersect(missing, universe(depSpec, NOW)))]).toEqual(wish.filter((d) => !done.has(d)))
        const seen = intersect(
          reachOf(mapping, wanted, () => universe(depSpec, NOW)),
          universe(depSpec, NOW),
        )
        expect([...each(seen)]).toEqual(wish)
        expect([...each(downstreamOf(mapping, made, universe(readerSpec, NOW)))]).toEqual(
          readers.filter((r) => [...done].some((d) => readBy(r, d))),
        )
      }),
      { numRuns: 40 },
    )
  })

  const bound = (declared: DeclaredMapping, reader: Partitions, dep: Partitions, ...names: string[]): MappingSpec => {
    const ledger = new Ledger()
    for (const name of names) ledger.turn({ add: true, name })
    const resolved = resolveMapping(declared, reader.spec, dep.spec)
    return resolved.fault === undefined ? bindMapping(resolved.mapping, ledger.bound()) : expect.fail(resolved.fault.what)
  }

  test('a value that the registry does not have is missing, and so is what a table says nothing of', () => {
    const table = bound({ kind: 'table', table: { eu: ['acme', 'gone'], us: [] } }, regions, CUSTOMERS, 'acme')
    expect(upstreamOf(table, [[0, 1]], [[0, 1]], [[0, 1]])).toEqual({ needed: [[0, 1]], missing: [[-1, 0]] })
    expect(upstreamOf(table, [[1, 2]], [[0, 1]], [[0, 1]])).toEqual({ needed: [], missing: [] })
    const silent = bound({ kind: 'table', table: { acme: ['eu'] } }, CUSTOMERS, regions, 'acme', 'beta')
    expect(upstreamOf(silent, [[0, 2]], [[0, 2]], [[0, 2]])).toEqual({ needed: [[0, 1]], missing: [[-1, 0]] })
  })

  test('the last one is the last that was added and made', () => {
    const mapping = bound({ kind: 'last' }, DAYS, CUSTOMERS, 'acme', 'beta', 'coda')
    expect(upstreamOf(mapping, [[20_454, 20_455]], [[0, 3]], [[0, 2]]).needed).toEqual([[1, 2]])
  })

  test('what leads nowhere says so', () => {
    const what = (declared: DeclaredMapping, reader: Partitions, dep: Partitions): string | undefined =>
      resolveMapping(declared, reader.spec, dep.spec).fault?.what
    expect(what({ kind: 'identity' }, CUSTOMERS, dynamic('shops'))).toBe(
      'by the registry shops, and is itself partitioned by the registry customers',
    )
    expect(what({ kind: 'identity' }, regions, CUSTOMERS)).toBe('by the registry customers, and is itself partitioned by values')
    expect(what({ kind: 'table', table: { acme: ['mars'] } }, CUSTOMERS, regions)).toBe('at mars, which it does not have')
    expect(what({ kind: 'table', table: { eu: ['acme'] } }, regions, CUSTOMERS)).toBe('by a table that says nothing of us')
  })
})

test('a registry has its 24 bits beside a day, and says where there is less room', () => {
  const wide = product({ day: DAYS, customer: CUSTOMERS }).spec
  const narrow = product({ a: dynamic('x'), b: dynamic('y'), hour: DAYS, c: CUSTOMERS, d: staticPartitions(['a']) }).spec
  expect(room(wide, 1)[1]).toBe(2 ** 24 - 1)
  const most = room(narrow, 3)[1]
  const full = (n: number): Registries =>
    new Map([['customers', { values: Array.from({ length: n }, (_, id) => [id, `v${id}`]), live: [[0, n]] }]])
  expect(overfull(narrow, full(most))).toBeUndefined()
  expect(overfull(narrow, full(most + 1))).toEqual({ registry: 'customers', holds: most + 1, room: most })
  const last = [most - 1, most - 1, 20_454, most - 1, 0]
  expect(unpack(narrow, pack(narrow, last))).toEqual(last)
})

test('beside a list, all values of a registry are one interval', () => {
  const ledger = new Ledger()
  for (let i = 0; i < 13; i++) ledger.turn({ add: true, name: `v${i}` })
  const spec = bindPartitions(product({ kind: staticPartitions(['a', 'b']), customer: CUSTOMERS }).spec, ledger.bound())
  expect(universe(spec, NOW).length).toBe(2)
})

test('of many values the first are named, and how many more there are', () => {
  const ledger = new Ledger()
  for (let i = 0; i < 13; i++) ledger.turn({ add: true, name: `v${i}` })
  const spec = bindPartitions(CUSTOMERS.spec, ledger.bound())
  expect(shortSet(spec, [[0, 13]])).toBe('v0, v1, v2, v3, v4, v5, v6, v7, v8, v9, and 3 more')
  expect(shortSet(spec, [[0, 2]])).toBe('v0, v1')
  const sales = bindPartitions(product({ day: DAYS, customer: CUSTOMERS }).spec, ledger.bound())
  expect(shortSet(sales, universe(sales, NOW))).toBe('day=2026-01-01..2026-01-03/customer=v0,v1,v2,v3,v4,v5,v6,v7,v8,v9,and 3 more')
  expect(readSet(spec, 'v99', [])).toBeUndefined()
})
