import { it } from 'vitest'
import { surviveFaults } from './faults/survive.ts'

it('whatever step of a commit goes wrong, tables stay whole and the next try succeeds', () => surviveFaults(100, 1), 120_000)
