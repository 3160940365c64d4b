import { test } from 'vitest'
import { soundness } from './lineage-lab.ts'

test('a column that lineage does not name does not matter', () => soundness(3000))
