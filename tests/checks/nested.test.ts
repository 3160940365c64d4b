import { expect, test } from 'vitest'
import { schemaChecks } from '../../src/checks/expectations.ts'
import { fusedAggregate, isRowCheck } from '../../src/checks/planner.ts'
import { openDuckdb } from '../../src/resources/duckdb.ts'
import { columnSpecs, t } from '../../src/schema/column.ts'

test('what lies in a nested column and may not be null is checked in every row', async () => {
  const inner = t.struct({ must: t.int(), may: t.int().nullable() })
  const checks = schemaChecks(
    columnSpecs({
      s: inner.nullable(),
      l: t.list(inner).nullable(),
      m: t.map(t.string(), t.list(t.int())).nullable(),
      free: t.list(t.int().nullable()).nullable(),
    }),
    [],
  )
  expect(checks.map((check) => check.name)).toEqual(['s.not_null_within', 'l.not_null_within', 'm.not_null_within'])
  const engine = await openDuckdb({ threads: 1 })
  try {
    const session = await engine.session()
    await session.run(`CREATE TABLE rows AS SELECT * FROM (VALUES
      (NULL, NULL, NULL, [NULL]),
      ({must: 1, may: NULL}, [{must: 1, may: NULL}], MAP {'a': [1]}, [1]),
      ({must: NULL, may: 1}, [{must: 1, may: 1}, NULL], MAP {'a': [1, NULL]}, []),
      ({must: 1, may: 1}, [{must: NULL, may: 1}], MAP {'a': [1], 'b': NULL}, [1])) v(s, l, m, free)`)
    const [row] = await session.rows(fusedAggregate(checks.filter(isRowCheck), 'rows'))
    expect(row).toMatchObject({ total: 4n, failing_0: 1n, failing_1: 2n, failing_2: 2n })
  } finally {
    engine.close()
  }
})
