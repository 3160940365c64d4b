import type { Partitions, Unpartitioned } from '../partitions/declare.ts'
import type { StepContext } from './compute.ts'

/** A version of something that others make; undefined where it is not there. */
type Version = string | undefined

/** Versions by the key of the partition (`2026-01-31`). Those asked for that are left out are not there. */
type Versions = { readonly [partition: string]: Version } | ReadonlyMap<string, Version>

/**
 * Finds out which version of an external asset is there: a text, or one for each of `partitions` in the context. What it
 * reads is its own affair; it is run in a worker, and may run again.
 */
export type VersionFunction<P extends Partitions> = (
  context: StepContext<P>,
) => P extends Unpartitioned ? Version | Promise<Version> : Versions | Promise<Versions>
