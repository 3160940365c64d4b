import { pythonEngine } from './venv.ts'

/** DuckDB with its own reader of Iceberg, which knows no SQL catalog: it is given metadata files. */
export const duckdbIceberg = pythonEngine({
  name: 'duckdb-iceberg',
  what: 'DuckDB 1.4.4 with its iceberg extension for Python 3.11',
  wheels: 'iceberg/requirements/duckdb-iceberg.txt',
})
