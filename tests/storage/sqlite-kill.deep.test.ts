import { test } from 'vitest'
import { surviveKills } from './kills.ts'

test('after SIGKILL at 300 random moments every acknowledged event is there, and the projection is that of the events', () =>
  surviveKills(300))
