import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { byDepName, locate, render } from '../../src/sql/render.ts'
import { handleOf, partitionParams, sql, type SqlPiece } from '../../src/sql/template.ts'

const BINDINGS = { table: byDepName, param: (name: string) => (name === 'partition.start' ? "DATE '2026-01-01'" : "DATE '2026-01-02'") }
const text = (query: { readonly pieces: readonly SqlPiece[] }): string => render(query.pieces, BINDINGS)
const events = handleOf('events', ['ts', 'a"b'])

describe('sql', () => {
  test('renders tables, aliases, columns and bounds', () => {
    const e = events.as('e')
    expect(text(sql`select ${e['ts'] ?? ''} from ${e} where ${events['ts'] ?? ''} < ${partitionParams().end}`)).toBe(
      `select "e"."ts" from "events" AS "e" where "events"."ts" < DATE '2026-01-02'`,
    )
    expect(text(sql`${events['a"b'] ?? ''}`)).toBe('"events"."a""b"')
  })

  test('nests statements and turns values into literals', () => {
    const inner = sql`x = ${"it's"}`
    expect(text(sql`where ${inner} and y in ${['a', "b'"]} and n = ${12n} and b = ${true} and z is ${null}`)).toBe(
      `where x = 'it''s' and y in ['a', 'b'''] and n = 12 and b = true and z is NULL`,
    )
  })

  test('a negative number cannot open a comment', () => {
    expect(text(sql`select 3 -${-1}`)).toBe('select 3 -(-1)')
    expect(text(sql`select 3 -${-1n}`)).toBe('select 3 -(-1)')
  })

  test('numbers that SQL does not write are doubles', () => {
    expect(text(sql`${Number.NaN} ${Number.POSITIVE_INFINITY} ${Number.NEGATIVE_INFINITY}`)).toBe(
      `'NaN'::DOUBLE 'Infinity'::DOUBLE '-Infinity'::DOUBLE`,
    )
  })

  test('refuses what has no meaning in SQL', () => {
    expect(() => sql`select ${undefined as never}`).toThrow(/undefined cannot stand in sql/)
    expect(() => sql`select ${{ a: 1 } as never}`).toThrow(/an object cannot stand in sql/)
    expect(() => sql`select ${(() => 1) as never}`).toThrow(/a function cannot stand in sql/)
  })

  test('any text comes back as one literal', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const literal = text(sql`${value}`)
        expect(literal.slice(1, -1).replaceAll("''", "'")).toBe(value)
        expect(literal.slice(1, -1).replaceAll("''", '')).not.toContain("'")
      }),
    )
  })
})

describe('locate', () => {
  const at = (line: number, column: number): { file: string; line: number; column: number } => ({ file: 'a.ts', line, column })
  const pieces: readonly SqlPiece[] = [
    { kind: 'text', text: 'select ', origin: at(3, 10) },
    { kind: 'column', dep: 'e', column: 'ts' },
    { kind: 'text', text: ',\n  bad from ', origin: at(3, 24) },
    { kind: 'table', dep: 'e' },
    { kind: 'text', text: ' where 1' },
  ]
  const whole = render(pieces, BINDINGS)

  test('finds the place of a character in the user’s text', () => {
    expect(locate(pieces, BINDINGS, 0)).toEqual(at(3, 10))
    expect(locate(pieces, BINDINGS, whole.indexOf('bad'))).toEqual(at(4, 3))
  })

  test('within generated text, and behind the end, it is the place before it', () => {
    expect(locate(pieces, BINDINGS, whole.indexOf('"ts"'))).toEqual(at(3, 17))
    expect(locate(pieces, BINDINGS, whole.indexOf('where'))).toEqual(at(4, 12))
    expect(locate(pieces, BINDINGS, whole.length + 5)).toEqual(at(4, 12))
  })

  test('without origins there is no place', () => {
    expect(locate([{ kind: 'text', text: 'select 1' }], BINDINGS, 3)).toBeUndefined()
  })
})
