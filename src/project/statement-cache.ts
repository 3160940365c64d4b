import { createHash } from 'node:crypto'
import { appendFileSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { ColumnSpec } from '../schema/column.ts'
import { type BoundStatement, type StatementFacts, textOf } from './analyse.ts'
import type { LoadRequest } from './load.ts'
import { writeWhole } from './manifest.ts'
import { assayVersion } from './manifest-cache.ts'

/** What is known of statements by their content, so that only a changed one is parsed and bound. */
export interface StatementCache {
  /** Those of which nothing is known, each text once. */
  missing(statements: readonly BoundStatement[]): readonly BoundStatement[]
  /** Nothing happens where one of the two is not there. */
  keep(statement: BoundStatement | undefined, facts: StatementFacts | undefined): void
  /** From the cache, or by `bind`. A statement that cannot be bound is bound again each time. */
  factsOf(statement: BoundStatement, bind: () => Promise<StatementFacts>): Promise<StatementFacts>
  /** Keeps what is new. @param isAll whether the whole project was asked for: then nothing else is kept */
  save(isAll: boolean): void
}

/**
 * One file for each project file. Its first line is the version of Assay, which names the version of DuckDB that it was
 * released with, so this stands for both; then a line a statement: its key, a blank, and its facts as JSON, which stay
 * text until they are asked for.
 */
export function openStatementCache({ home, root, projectFile }: LoadRequest): StatementCache {
  const name = createHash('sha256').update(relative(root, projectFile)).digest('hex').slice(0, 16)
  const file = join(home, 'statements', `${name}.ndjson`)
  const before = readCache(file)
  const used = new Map<string, StatementFacts>()
  const added = new Set<string>()
  const inputs = new Map<readonly ColumnSpec[], string>()
  const keys = new Map<BoundStatement, string>()
  const keyFor = (statement: BoundStatement): string => {
    const key = keys.get(statement) ?? keyOf(statement, inputs)
    keys.set(statement, key)
    return key
  }
  const known = (key: string): StatementFacts | undefined => {
    const line = before.get(key)
    return used.get(key) ?? (line === undefined ? undefined : attempt(() => JSON.parse(line) as StatementFacts))
  }
  const keep = (key: string, facts: StatementFacts): void => {
    added.add(key)
    used.set(key, facts)
  }
  return {
    missing(statements) {
      const byKey = new Map(statements.map((statement) => [keyFor(statement), statement]))
      return [...byKey].flatMap(([key, statement]) => (before.has(key) ? [] : [statement]))
    },
    keep(statement, facts) {
      if (statement !== undefined && facts !== undefined) keep(keyFor(statement), facts)
    },
    async factsOf(statement, bind) {
      const key = keyFor(statement)
      const there = known(key)
      if (there !== undefined) used.set(key, there)
      else keep(key, await bind())
      return used.get(key) as StatementFacts
    },
    save(isAll) {
      const linesOf = (keys: Iterable<string>): string => Array.from(keys, (key) => `${key} ${JSON.stringify(used.get(key))}\n`).join('')
      if (isAll ? added.size === 0 && before.size === used.size : added.size === 0) return
      const write =
        isAll || before.size === 0
          ? () => writeWhole(file, `${assayVersion()}\n${linesOf(used.keys())}`)
          : () => appendFileSync(file, linesOf(added))
      attempt(write)
    },
  }
}

const KEY_LENGTH = 22

/** Text and columns of the inputs; many statements read the same columns, which are put into words once. */
function keyOf(statement: BoundStatement, known: Map<readonly ColumnSpec[], string>): string {
  const hash = createHash('sha256').update(textOf(statement))
  for (const [name, columns] of Object.entries(statement.inputs)) {
    const words = known.get(columns) ?? JSON.stringify(columns.map((column) => [column.name, column.type]))
    known.set(columns, words)
    hash.update(`\0${name}\0${words}`)
  }
  return hash.digest('base64url').slice(0, KEY_LENGTH)
}

function readCache(file: string): ReadonlyMap<string, string> {
  const [version, ...lines] = attempt(() => readFileSync(file, 'utf8').trimEnd().split('\n')) ?? []
  return new Map(version === assayVersion() ? lines.map((line) => [line.slice(0, KEY_LENGTH), line.slice(KEY_LENGTH + 1)]) : [])
}

/** A cache that cannot be read or written is no cache. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
