import type { Case } from './case.ts'
import { BRANCHES } from './cases/branches.ts'
import { CHANGES } from './cases/changes.ts'
import { PARTITIONS } from './cases/partitions.ts'
import { SCHEMAS } from './cases/schemas.ts'
import { TYPES } from './cases/column-types.ts'

/** What Assay writes and every engine reads. */
export const CASES: readonly Case[] = [...TYPES, ...PARTITIONS, ...CHANGES, ...SCHEMAS, ...BRANCHES]
