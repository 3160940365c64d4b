import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { liveBlock } from '../../src/cli/render/live-block.ts'
import { problemLines } from '../../src/cli/render/problem.ts'
import { leftOutWords, printRows } from '../../src/cli/render/rows.ts'
import { table } from '../../src/cli/render/table.ts'
import { type Terminal, terminalOn } from '../../src/cli/render/terminal.ts'
import { ago, cut, duration, harmless, number, width, wrap } from '../../src/cli/render/words.ts'
import { Screen, steppedClock } from './screen.ts'

describe('the live block', () => {
  it('stays at the bottom while finished lines scroll away, and leaves nothing behind', () => {
    const screen = new Screen(80)
    const { clock, tick } = steppedClock()
    let n = 0
    const block = liveBlock(terminalOn(screen, {}), clock, () => [`running ${n}`, `bar ${n}`])
    tick()
    expect(screen.lines).toEqual(['running 0', 'bar 0', ''])
    n = 1
    block.print('first is done', 'second is done')
    tick()
    expect(screen.lines).toEqual(['first is done', 'second is done', 'running 1', 'bar 1', ''])
    block.print('summary')
    block.end()
    expect(screen.lines).toEqual(['first is done', 'second is done', 'summary', ''])
    tick()
    expect(screen.lines).toHaveLength(4)
  })

  it('is drawn once a tick, only when something changed, and never has more than ten lines', () => {
    const screen = new Screen(80)
    const { clock, tick } = steppedClock()
    const block = liveBlock(terminalOn(screen, {}), clock, () => Array.from({ length: 30 }, (_, i) => `line ${i}`))
    for (let i = 0; i < 50; i++) block.print(`fact ${i}`)
    tick()
    tick()
    expect(screen.writes).toBe(1)
    expect(screen.lines).toHaveLength(50 + 10 + 1)
  })
})

describe('a terminal', () => {
  it('has colours only where they are wanted', () => {
    const on = (isTTY: boolean, env: NodeJS.ProcessEnv): Terminal => terminalOn({ write: () => {}, isTTY }, env)
    expect(on(true, {}).paint('red', 'x')).toBe('\u001b[31mx\u001b[39m')
    expect(on(true, { NO_COLOR: '1' }).paint('red', 'x')).toBe('x')
    expect(on(true, { NO_COLOR: '1' }).live).toBe(true)
    expect(on(true, { TERM: 'dumb' }).live).toBe(false)
    expect(on(false, {}).paint('red', 'x')).toBe('x')
    expect(on(false, { COLUMNS: '40' }).columns()).toBe(40)
  })
})

describe('a table', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '日', '1'), maxLength: 60 })
  it('fits every width from 40 to 120', () => {
    void fc.assert(
      fc.property(fc.integer({ min: 40, max: 120 }), fc.array(fc.tuple(text, text, text, text), { maxLength: 6 }), (columns, rows) => {
        const terminal = terminalOn({ write: () => {}, columns }, {})
        const shape = [
          { title: 'asset', min: 14 },
          { title: 'n', align: 'right' as const, drop: 1 },
          { title: 'status', min: 10 },
          { title: 'because', min: 8, drop: 2 },
        ]
        for (const line of table(terminal, shape, rows)) expect(width(line)).toBeLessThanOrEqual(columns)
      }),
    )
  })
  it('cuts and leaves out what matters least first', () => {
    const at = (columns: number): readonly string[] =>
      table(
        terminalOn({ write: () => {}, columns }, {}),
        [
          { title: 'asset', min: 10 },
          { title: 'rows', align: 'right', drop: 2 },
          { title: 'why', min: 4, drop: 1 },
        ],
        [['silver.orders', '1,000', 'code changed']],
      )
    expect(at(40)).toEqual(['asset           rows  why', 'silver.orders  1,000  code changed'])
    expect(at(28)).toEqual(['asset           rows  why', 'silver.orders  1,000  code …'])
    expect(at(20)).toEqual(['asset           rows', 'silver.orders  1,000'])
    expect(at(10)).toEqual(['asset', 'silver.or…'])
  })
})

describe('rows of a query', () => {
  const printed = (columns: number, names: readonly string[], cell: string | number): { lines: string[]; leftOut: readonly string[] } => {
    const lines: string[] = []
    const terminal = { ...terminalOn({ write: () => {}, columns }, {}), line: (text = '') => void lines.push(text) }
    const type = typeof cell === 'number' ? 'BIGINT' : 'VARCHAR'
    const shape = names.map((name) => ({ name, type }))
    const leftOut = printRows(terminal, shape, [Object.fromEntries(names.map((name) => [name, cell]))])
    return { lines, leftOut }
  }
  it('are never wider than the terminal, and every column is shown or named', () => {
    void fc.assert(
      fc.property(
        fc.integer({ min: 40, max: 120 }),
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom('x', 'y'.repeat(90), 123),
        (columns, n, cell) => {
          const names = Array.from({ length: n }, (_, i) => `column_${i}`)
          const { lines, leftOut } = printed(columns, names, cell)
          for (const line of lines) expect(width(line)).toBeLessThanOrEqual(columns)
          const titles = lines[0]?.trim().split(/ +/) ?? []
          expect([...titles, ...leftOut]).toEqual(names)
        },
      ),
    )
  })
  it('are printed whole where nobody looks', () => {
    const { lines, leftOut } = printed(Number.POSITIVE_INFINITY, ['a', 'b'], 'y'.repeat(300))
    expect(lines[1]).toBe(`${'y'.repeat(300)}  ${'y'.repeat(300)}`)
    expect(leftOutWords(leftOut)).toBe('')
  })
})

describe('the code around a problem', () => {
  it('is of a long line the part that the place is in', () => {
    const root = mkdtempSync(join(tmpdir(), 'assay-frame-'))
    const before = 'x'.repeat(300)
    writeFileSync(join(root, 'a.ts'), `${before}HERE${before}`)
    const problem = { code: 'ASSAY-5001', what: 'no', next: 'Mend it.', where: { file: 'a.ts', line: 1, column: 301 } } as const
    const lines = problemLines(terminalOn(new Screen(80), { NO_COLOR: '1' }), problem, { root, trace: false })
    rmSync(root, { recursive: true })
    const caret = lines.findIndex((line) => line.includes('^'))
    expect(lines.every((line) => line.length <= 80)).toBe(true)
    expect(lines[caret - 1]?.indexOf('HERE')).toBe(lines[caret]?.indexOf('^'))
  })
})

describe('words', () => {
  it('are short and exact', () => {
    expect([number(84120), number(999), number(-1234567n)]).toEqual(['84,120', '999', '-1,234,567'])
    expect([35, 1234, 9_960, 59_400, 59_900, 185_000, 7_800_000].map(duration)).toEqual([
      '35 ms',
      '1.2 s',
      '10 s',
      '59 s',
      '1 min 0 s',
      '3 min 5 s',
      '2 h 10 min',
    ])
    const day = Date.parse('2026-01-31T12:00:00Z')
    expect([0, 59_999, 300_000, 7_200_000, 86_400_000].map((ms) => ago(day - ms, day))).toEqual([
      'just now',
      'just now',
      '5 min ago',
      '2 h ago',
      '2026-01-30 12:00Z',
    ])
  })
  it('cannot steer the terminal', () => {
    expect(harmless('a\u001b[2Jb\nc\u0007d')).toBe('ab c d')
  })
  it('are cut and wrapped to any width', () => {
    void fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.integer({ min: 1, max: 30 }), (text, cells) => {
        expect(width(cut(text, cells))).toBeLessThanOrEqual(cells)
        expect(wrap(text, cells).join(' ').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''))
      }),
    )
  })
})
