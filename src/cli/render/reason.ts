import type { SourceLocation } from '../../errors.ts'
import { count } from '../../partitions/partition-set.ts'
import type { Reason } from '../explanation.ts'
import { causeWords } from './causes.ts'
import { ago, short } from './words.ts'

/** What a reason is told with. */
interface Wording {
  /** Its partitions and a blank; nothing where the asset has none. */
  readonly slices: string
  /** What its asset reads. */
  readonly inputs: readonly string[]
  readonly where: SourceLocation | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** A reason as a line of text, without those that it follows from. */
export function reasonWords(reason: Reason, { slices, inputs, where, now }: Wording): string {
  const moment = ({ runId, at }: { readonly runId: string; readonly at: number }): string => `by run ${runId}, ${ago(at, now)}`
  const since = (at: number | undefined): string => (at === undefined ? '' : `, ${ago(at, now)}`)
  switch (reason.kind) {
    case 'never made':
      return `${reason.asset} ${slices}was never made`
    case 'taken back': {
      const { to } = reason
      const then = to === undefined ? 'its table is gone' : `its table was moved back to snapshot ${to.snapshotId}${since(to.since)}`
      return `${reason.asset} ${slices}was made ${moment(reason.made)}, and taken back: ${then}`
    }
    case 'stale':
      return `${slices}${staleWords(reason, where)}${reason.made === undefined ? '' : ` (made ${moment(reason.made)})`}`
    case 'made':
      return `${reason.asset} ${slices}became ${short(reason.version)} ${moment(reason.by)}${reason.because === undefined ? '' : `, ${reason.because}`}`
    case 'written':
      if (reason.by === 'an observation') return `${reason.asset} ${slices}was observed as ${short(reason.version)}${since(reason.at)}`
      return `${reason.asset} ${slices}became ${short(reason.version)} by ${reason.by === 'others' ? 'another writer' : 'an earlier run'}${since(reason.at)}`
    case 'attempt': {
      const problem = reason.problem === undefined ? '' : `: ${[reason.problem, ...reason.details].join('; ')}`
      return `last attempt of ${reason.asset} ${slices}${reason.state}${problem}${since(reason.at)} (assay logs ${reason.runId} ${reason.stepId})`
    }
    case 'unknown':
      return `${reason.asset} ${slices}was being published by run ${reason.runId} when that ended: whether it was, the next run reads from its table`
    case 'upstream':
      return `upstream ${reason.path.join(' → ')}: ${reason.asset} ${slices}is not fresh`
    case 'fresh':
      return `it was made from the current versions of ${inputs.join(', ') || 'no inputs'} and by the current code, last ${moment(reason.made)}`
  }
}

function staleWords({ cause }: Reason & { kind: 'stale' }, where: SourceLocation | undefined): string {
  if (cause.kind === 'code changed')
    return `code changed ${short(cause.from)} → ${short(cause.to)}${where === undefined ? '' : `, see ${where.file}:${where.line}`}`
  if (cause.kind !== 'input changed') return causeWords(cause)
  return `input ${causeWords(cause)}${count(cause.partitions) > 1 ? ` in ${count(cause.partitions)} partitions` : ''}`
}
