import { describe } from 'vitest'
import { storageConformance } from '../conformance/storage.ts'
import { sqlitePlace } from './place.ts'

describe('SQLite store', () => storageConformance(sqlitePlace))
