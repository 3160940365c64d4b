import { resolve } from 'node:path'
import { AssayError } from 'assay'

/** Environment variables that the definitions of this project read. */
export const ENVIRONMENT = [
  'LAKEHOUSE_EVENTS',
  'LAKEHOUSE_DAYS',
  'LAKEHOUSE_SEED',
  'LAKEHOUSE_LATE',
  'LAKEHOUSE_DUPLICATE',
  'LAKEHOUSE_MALFORMED',
  'LAKEHOUSE_LANDING',
  'ASSAY_RETAIL_DIR',
] as const

type Variable = (typeof ENVIRONMENT)[number]
type Environment = Readonly<Record<string, string | undefined>>

/** What the clickstream generator is asked for. Shares are 0 to 1 of all lines. */
export interface ClickstreamSettings {
  readonly seed: number
  /** Lines in all, over the whole span. */
  readonly events: number
  readonly days: number
  /** First day, UTC. */
  readonly start: string
  /** Share of lines that arrive minutes to hours after the event. */
  readonly late: number
  /** Share of lines that are second copies. */
  readonly duplicate: number
  /** Share of lines that are no proper events. */
  readonly malformed: number
}

/** First day of the clickstream, UTC. */
export const CLICKSTREAM_START = '2026-01-01'

/**
 * Size and nature of the generated clickstream.
 * @throws ASSAY-1017 when a variable does not hold a number in its range
 */
export const clickstreamSettings = (env: Environment = process.env): ClickstreamSettings => ({
  seed: whole(env, 'LAKEHOUSE_SEED', { fallback: 1, min: 0, max: 0xffff_ffff }),
  events: whole(env, 'LAKEHOUSE_EVENTS', { fallback: 1_000_000, min: 0, max: 1_000_000_000 }),
  days: whole(env, 'LAKEHOUSE_DAYS', { fallback: 30, min: 1, max: 3660 }),
  start: CLICKSTREAM_START,
  late: share(env, 'LAKEHOUSE_LATE', 0.02),
  duplicate: share(env, 'LAKEHOUSE_DUPLICATE', 0.01),
  malformed: share(env, 'LAKEHOUSE_MALFORMED', 0.002),
})

/** Folder of the landed files, absolute. Workers are started in the root of the project. */
export const landingFolder = (env: Environment = process.env): string => resolve(env['LAKEHOUSE_LANDING'] ?? '.assay/landing')

interface Range {
  readonly fallback: number
  readonly min: number
  readonly max: number
}

function whole(env: Environment, name: Variable, range: Range): number {
  const value = numeric(env, name, range)
  if (Number.isInteger(value)) return value
  throw new AssayError('ASSAY-1017', `${name} is '${env[name]}', which is no whole number`)
}

/** Half at most: each kind of mischief happens to a line that would otherwise be a good one. */
const share = (env: Environment, name: Variable, fallback: number): number => numeric(env, name, { fallback, min: 0, max: 0.5 })

function numeric(env: Environment, name: Variable, { fallback, min, max }: Range): number {
  const text = env[name]
  if (text === undefined || text === '') return fallback
  const value = Number(text)
  if (value >= min && value <= max) return value
  throw new AssayError('ASSAY-1017', `${name} is '${text}'`, {
    next: `Set it to a number from ${min} to ${max}, or unset it for ${fallback}.`,
  })
}
