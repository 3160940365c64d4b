import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { python } from '../../scripts/engines/pyiceberg.ts'
import { output } from '../../scripts/process.ts'
import { openPyiceberg } from './pyiceberg/probe.ts'

/** A catalog that PyIceberg made itself, so that a wrong answer is the probe's own. */
const MAKE = `
import sys
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import *
folder = sys.argv[1]
catalog = SqlCatalog('assay', uri=f'sqlite:///{folder}/catalog.db', warehouse=f'file://{folder}/warehouse')
catalog.create_namespace('silver')
catalog.create_table('silver.orders', Schema(
    NestedField(1, 'order_id', StringType(), required=True), NestedField(2, 'amount', DecimalType(38, 2)),
    NestedField(3, 'items', LongType()), NestedField(4, 'weight', DoubleType()),
    NestedField(5, 'day', DateType()), NestedField(6, 'at', TimestamptzType())))
`
const ORDER = {
  order_id: 'a',
  amount: '99999999999999999999999999999999999.99',
  items: '9223372036854775807',
  weight: 0.1,
  day: '2025-01-31',
  at: '2025-01-31T23:59:59.999999+00:00',
}

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-pyiceberg-'))
  await output(python(), ['-c', MAKE, folder])
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('the PyIceberg probe', () => {
  it('appends rows and copies, and sums what it finds without rounding', async () => {
    const pyiceberg = openPyiceberg(join(folder, 'catalog.db'), join(folder, 'warehouse'))
    expect(await pyiceberg.describe()).toMatchObject({
      'silver.orders': { rows: 0, snapshots: [], current: null, sums: { amount: '0.00', items: '0' } },
    })

    const first = await pyiceberg.append('silver.orders', [ORDER, { ...ORDER, order_id: 'b', amount: '0.01', items: 1, weight: 0.2 }])
    expect(first.sums).toEqual({
      amount: '100000000000000000000000000000000000.00',
      items: '9223372036854775808',
      weight: '0.30000000000000004',
    })

    const second = await pyiceberg.appendCopy('silver.orders', 1)
    expect(second).toMatchObject({ rows: 3, sums: { items: '18446744073709551615' } })
    expect(second.snapshots).toEqual([first.current, second.current])
    expect(second.schema[0]).toEqual({ id: 1, name: 'order_id', type: 'string', required: true })
    expect(second.schema[1]).toEqual({ id: 2, name: 'amount', type: 'decimal(38, 2)', required: false })
  })
})
