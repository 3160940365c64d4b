import { describe, expect, test } from 'vitest'
import { quasiPlaces } from '../../src/project/origins.ts'

const at = (text: string, line: number, column: number): readonly string[] =>
  quasiPlaces(text, { file: 'a.ts', line, column }).map((place) => `${place.line}:${place.column}`)

describe('the texts of a template', () => {
  test('begin behind the backtick and behind each closing brace', () => {
    expect(at('const x = sql`select ${a},\n  ${b} from`', 1, 14)).toEqual(['1:15', '1:26', '2:7'])
  })
  test('braces, strings, comments and templates within an expression do not end it', () => {
    expect(at("sql`${f({ a: '}' })} ${'`'} ${/* } */ 1} ${// }\n1} ${sql`x ${`}`} y`} z`", 1, 4).at(-1)).toBe('2:22')
  })
  test('escapes do not end a text', () => {
    expect(at('sql`a \\` ${1} \\${2} b`', 1, 4)).toEqual(['1:5', '1:14'])
  })
  test('a file that has changed since gives nothing', () => {
    expect(at('', 9, 1)).toEqual([])
  })
})
