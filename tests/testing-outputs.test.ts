import { asset, outputs, t, typescript } from 'assay'
import { given, materialize } from 'assay/testing'
import { expect, it } from 'vitest'

const events = asset('bronze.events', { schema: { user_id: t.long(), amount: t.int() } })
const schema = { user_id: t.long(), n: t.int() }
const big = asset('gold.big', { schema, key: ['user_id'] })
const small = asset('gold.small', { schema, key: ['user_id'], checks: (c) => [c.n.between(0, 5)] })
outputs({ big, small }).from(
  { events },
  typescript(async function* ({ events }, emit) {
    for await (const { user_id, amount: n } of events.rows()) yield n > 50 ? emit.big({ user_id, n: 1 }) : emit.small({ user_id, n })
  }),
)
const made = async (...amounts: readonly number[]) =>
  materialize(big, {
    given: [
      given(
        events,
        amounts.map((amount, i) => ({ user_id: BigInt(i), amount })),
      ),
    ],
  })

it('one of several outputs is made with the others, and held back by a check of any of them', async () => {
  const good = await made(3, 101)
  expect([good.state, good.rows]).toEqual(['made', [{ user_id: 1n, n: 1 }]])
  expect(Object.keys(good.checks)).not.toContain('n.between')
  const blocked = await made(7, 101)
  expect([blocked.state, blocked.rows]).toEqual(['blocked', []])
})
