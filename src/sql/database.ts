/** A statement for a database; each `?` in the text stands for the next value. */
export interface Statement {
  readonly text: string
  readonly values: readonly string[]
}

/** A statement of a transaction. */
export interface ChangeStatement extends Statement {
  /** True: the whole transaction is taken back unless exactly one row changes. */
  readonly mustChange: boolean
}

/**
 * `rejected`: the statements at these places changed no row, though they had to; nothing changed. `unknown`: the database
 * did not answer to the end of the transaction, which may have happened.
 */
export type ChangeOutcome =
  | { readonly kind: 'committed' }
  | { readonly kind: 'rejected'; readonly unchanged: readonly number[] }
  | { readonly kind: 'unknown'; readonly cause: unknown }

/**
 * A small transactional database: a file, or a server. A transaction is a list of statements, so that nothing else on
 * the same handle can come between two of them.
 */
export interface Database {
  /** What errors call it. Never holds a password. */
  readonly name: string
  /** The columns of a table; none where there is no such table. Makes nothing. @throws DatabaseError */
  columns(table: string): Promise<readonly string[]>
  /** What was committed before the call is seen. @throws DatabaseError */
  rows(statement: Statement): Promise<readonly Readonly<Record<string, unknown>>[]>
  /** Runs all statements in one durable transaction, one after the other. @throws DatabaseError when surely nothing changed */
  change(statements: readonly ChangeStatement[]): Promise<ChangeOutcome>
  close(): void
}

/** An error of the database itself. `readonly`: it does not let itself be changed; `busy`: another holds it. */
export class DatabaseError extends Error {
  readonly kind: 'readonly' | 'full' | 'busy' | 'other'

  constructor(kind: DatabaseError['kind'], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'DatabaseError'
    this.kind = kind
  }
}
