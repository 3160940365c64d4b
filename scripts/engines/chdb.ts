import { pythonEngine } from './venv.ts'

/** ClickHouse as a library, which knows no SQL catalog: it is given metadata files. */
export const chdb = pythonEngine({
  name: 'chdb',
  what: 'chdb 4.4.0 (ClickHouse 26.9) for Python 3.11',
  wheels: 'iceberg/requirements/chdb.txt',
})
