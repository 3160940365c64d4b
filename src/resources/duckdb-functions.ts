import {
  BIGINT,
  BLOB,
  DuckDBBlobVector,
  type DuckDBConnection,
  DuckDBScalarFunction,
  type DuckDBType,
  HUGEINT,
  INTEGER,
} from '@duckdb/node-api'
import { murmur3, murmur3OfBigint, murmur3OfLong } from '../sql/murmur3.ts'

/**
 * Adds what Iceberg's `bucket` needs and the engine has not, for all its sessions: `murmur3(BLOB)`,
 * `murmur3_long(BIGINT)`, and `murmur3_decimal(HUGEINT)` of an unscaled decimal. Each gives an INTEGER.
 */
export function addFunctions(connection: DuckDBConnection): void {
  add(connection, 'murmur3', BLOB, (bytes) => (bytes instanceof Uint8Array ? murmur3(bytes) : null))
  add(connection, 'murmur3_long', BIGINT, (value) => (typeof value === 'bigint' ? murmur3OfLong(value) : null))
  add(connection, 'murmur3_decimal', HUGEINT, (value) => (typeof value === 'bigint' ? murmur3OfBigint(value) : null))
}

function add(connection: DuckDBConnection, name: string, type: DuckDBType, hash: (value: unknown) => number | null): void {
  const made = DuckDBScalarFunction.create({
    name,
    parameterTypes: [type],
    returnType: INTEGER,
    mainFunction: (_, chunk, out) => {
      const column = chunk.getColumnVector(0)
      const item = column instanceof DuckDBBlobVector ? (i: number) => column.getItemBytes(i) : (i: number) => column.getItem(i)
      for (let i = 0; i < chunk.rowCount; i++) out.setItem(i, hash(item(i)))
      out.flush()
    },
  })
  connection.registerScalarFunction(made)
}
