import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { ColumnSpec } from '../schema/column.ts'
import { type BoundStatement, type StatementFacts, textOf } from './analyse.ts'
import type { LoadRequest } from './load.ts'
import { writeWhole } from './manifest.ts'
import { assayVersion } from './manifest-cache.ts'

/** What is known of statements by their content, so that only a changed one is parsed and bound. */
export interface StatementCache {
  /** From the cache, or by `bind`. A statement that cannot be bound is bound again each time. */
  factsOf(statement: BoundStatement, bind: () => Promise<StatementFacts>): Promise<StatementFacts>
  /** Keeps what was asked for, and nothing else; writes only when something is new or gone. */
  save(): void
}

interface CacheFile {
  /** Assay names the version of DuckDB that it was released with, so this stands for both. */
  readonly assay: string
  readonly statements: Readonly<Record<string, StatementFacts>>
}

/** One file for each project file. */
export function openStatementCache({ home, root, projectFile }: LoadRequest): StatementCache {
  const name = createHash('sha256').update(relative(root, projectFile)).digest('hex').slice(0, 16)
  const file = join(home, 'statements', `${name}.json`)
  const assay = assayVersion()
  const before = readCache(file, assay)
  const used: Record<string, StatementFacts> = {}
  const inputs = new Map<readonly ColumnSpec[], string>()
  let added = false
  return {
    async factsOf(statement, bind) {
      const key = keyOf(statement, inputs)
      const known = used[key] ?? before[key]
      const facts = known ?? (await bind())
      if (known === undefined) added = true
      used[key] = facts
      return facts
    },
    save() {
      if (!added && Object.keys(before).length === Object.keys(used).length) return
      attempt(() => writeWhole(file, JSON.stringify({ assay, statements: used } satisfies CacheFile)))
    },
  }
}

/** Text and columns of the inputs; many statements read the same columns, which are put into words once. */
function keyOf(statement: BoundStatement, known: Map<readonly ColumnSpec[], string>): string {
  const hash = createHash('sha256').update(textOf(statement))
  for (const [name, columns] of Object.entries(statement.inputs)) {
    const words = known.get(columns) ?? JSON.stringify(columns.map((column) => [column.name, column.type]))
    known.set(columns, words)
    hash.update(`\0${name}\0${words}`)
  }
  return hash.digest('base64url').slice(0, 22)
}

function readCache(file: string, assay: string): CacheFile['statements'] {
  const read = attempt(() => JSON.parse(readFileSync(file, 'utf8')) as CacheFile)
  return read?.assay === assay ? read.statements : {}
}

/** A cache that cannot be read or written is no cache. */
function attempt<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch {
    return undefined
  }
}
