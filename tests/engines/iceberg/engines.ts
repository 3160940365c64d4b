import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { chdb } from '../../../scripts/engines/chdb.ts'
import { duckdbIceberg } from '../../../scripts/engines/duckdb-iceberg.ts'
import { pyiceberg } from '../../../scripts/engines/pyiceberg.ts'
import { spark, sparkJars } from '../../../scripts/engines/spark.ts'
import type { PythonEngine } from '../../../scripts/engines/venv.ts'
import type { SnapshotId } from '../../../src/iceberg/metadata.ts'
import type { NestedField } from '../../../src/schema/iceberg-type.ts'
import type { EngineName, Table } from './case.ts'

/** A version of a table, for engines that look it up in the catalog and for those that are given the metadata file. */
export interface ReadRequest {
  readonly table: string
  readonly metadata: string
  /** A branch or tag, and the snapshot that it stands at. Absent: `main`. */
  readonly ref?: string | undefined
  readonly snapshot?: SnapshotId | undefined
  /** A condition in words that all engines understand. */
  readonly where?: string | undefined
  /** The schema of that version. */
  readonly fields: readonly NestedField[]
}

/** What Spark may use. */
export interface Size {
  readonly cores: number
  /** Heap, as Java spells it. */
  readonly memory: string
  /** Options of the JVM. */
  readonly jvm: string
}

/** For short statements: what is compiled well but late would not pay. */
const SMALL: Size = { cores: 1, memory: '768m', jvm: '-XX:+UseSerialGC -XX:TieredStopAtLevel=1' }

/** An engine that is running. */
export interface Running {
  /** Rejects with what the engine says. */
  read(request: ReadRequest): Promise<Table>
  /** Whatever else its script answers. */
  ask(request: object): Promise<object>
  close(): Promise<void>
}

const ENGINES: Readonly<
  Record<EngineName, { readonly engine: PythonEngine; readonly args: (root: string, size: Size) => readonly string[] }>
> = {
  spark: { engine: spark, args: (root, { cores, memory, jvm }) => ['with_spark.py', root, sparkJars(), String(cores), memory, jvm] },
  pyiceberg: { engine: pyiceberg, args: (root) => ['with_pyiceberg.py', root] },
  chdb: { engine: chdb, args: (root) => ['with_chdb.py', root] },
  'duckdb-iceberg': { engine: duckdbIceberg, args: () => ['with_duckdb.py'] },
}

/** Whether it is installed; says so where it is not, since its tests are then skipped. */
export function isReady(name: EngineName): boolean {
  const ready = ENGINES[name].engine.isReady()
  if (!ready) console.log(`${name} is not installed (npm run engines -- up ${name}): its tests are skipped`)
  return ready
}

/** Starts an engine on the catalog and the warehouse of a folder. */
export function start(name: EngineName, root: string, size: Size = SMALL): Running {
  const { engine, args } = ENGINES[name]
  const child = spawn(engine.python(), [...args(root, size)], { cwd: import.meta.dirname, stdio: ['pipe', 'pipe', 'pipe'] })
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  let last = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    last = (last + text).slice(-4000)
  })
  const ask = async (request: object): Promise<object> => {
    child.stdin.write(`${JSON.stringify(request)}\n`)
    const { value, done } = await answers.next()
    if (done === true) throw new Error(`${name} ended\n${last}`)
    const said = JSON.parse(value) as { readonly error?: string }
    if (said.error !== undefined) throw new Error(said.error)
    return said
  }
  return {
    ask,
    read: async (request) =>
      (await ask({ ...request, ref: request.ref ?? null, snapshot: request.snapshot ?? null, where: request.where ?? null })) as Table,
    close: () => ended(child),
  }
}

function ended(child: ChildProcess): Promise<void> {
  child.stdin?.end()
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('close', () => resolve())
  })
}
