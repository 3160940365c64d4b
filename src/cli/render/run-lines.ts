import type { AssetSpec } from '../../assets/spec.ts'
import { count, isEmpty, type PartitionSet } from '../../partitions/partition-set.ts'
import { shortSet } from '../../partitions/texts.ts'
import { type AssetProgress, endedPartitions, type RunView, warnings } from './run-view.ts'
import { glyph, type LookWord, tinted } from './status.ts'
import type { Terminal } from './terminal.ts'
import { counted, cut, duration, number } from './words.ts'

/** What became of an asset, when its steps have ended: a line, and one for each kind of thing that is not well. */
export function assetLine(terminal: Terminal, progress: AssetProgress, spec: AssetSpec | undefined, keyWidth: number): readonly string[] {
  const word = wordOf(progress)
  const sliced = spec !== undefined && spec.partitions.dim !== 'none'
  const facts = [
    ...(sliced && !isEmpty(progress.made) ? [`${count(progress.made)} of ${counted(count(progress.wanted), 'partition')}`] : []),
    ...(progress.moved === undefined ? [] : [movedWords(progress.moved, sliced)]),
    ...(isEmpty(progress.unchanged) ? [] : [unchangedWords(progress, sliced)]),
    ...(progress.rows === undefined ? [] : [counted(progress.rows, 'row')]),
    ...(progress.rejected === 0 ? [] : [`${number(progress.rejected)} rejected, see ${progress.asset}__rejects`]),
    ...(progress.startedAt === undefined ? [] : [duration((progress.endedAt ?? progress.startedAt) - progress.startedAt)]),
    ...(progress.checks.size === 0 ? [] : [checksWords(progress)]),
  ]
  return [
    ...(isEmpty(progress.made)
      ? []
      : [
          line(
            terminal,
            word,
            `${pad(terminal, progress.asset, keyWidth)}${facts.join(terminal.live ? '  ' : ', ')}`,
            verbOf(progress, word),
          ),
        ]),
    ...[...progress.checks]
      .filter(([, seen]) => seen.warned > 0)
      .map(([name, { failing }]) =>
        line(
          terminal,
          'warned',
          `${progress.asset} ${name}: ${failing === 0 ? 'did not hold' : `${counted(failing, 'row')} did not hold`}`,
          'warned',
        ),
      ),
    ...(isEmpty(progress.failed) ? [] : [line(terminal, 'failed', named(progress, spec, progress.failed), 'failed')]),
    ...(isEmpty(progress.blocked) ? [] : [line(terminal, 'blocked', named(progress, spec, progress.blocked), 'blocked')]),
    ...(isEmpty(progress.reused)
      ? []
      : [line(terminal, 'reuse', `${named(progress, spec, progress.reused)}: its inputs did not change`, 'reused')]),
    ...(isEmpty(progress.skipped)
      ? []
      : [line(terminal, 'skipped', `${named(progress, spec, progress.skipped)}: ${[...progress.reasons].join('; ')}`, 'skipped')]),
  ]
}

const VERBS: Readonly<Record<string, string>> = {
  succeeded: 'made',
  warned: 'made',
  failed: 'partly',
  blocked: 'partly',
  interrupted: 'partly',
}

const verbOf = ({ moved }: AssetProgress, word: LookWord): string | undefined =>
  moved !== undefined && word === 'succeeded' ? 'observed' : VERBS[word]

function wordOf(progress: AssetProgress): LookWord {
  if (!isEmpty(progress.failed)) return 'failed'
  if (!isEmpty(progress.blocked)) return 'blocked'
  if (!isEmpty(progress.interrupted)) return 'interrupted'
  return warnings(progress).length > 0 ? 'warned' : 'succeeded'
}

/** A glyph where somebody looks, a word where the output is piped. */
const line = (terminal: Terminal, word: LookWord, text: string, verb = ''): string =>
  terminal.live
    ? `  ${glyph(terminal, word)} ${cut(SAID.has(word) ? `${verb} ${text}` : text, terminal.columns() - 5)}`
    : `${verb.padEnd(9)}${text}`

/** Where the line would otherwise read as if all were well. */
const SAID: ReadonlySet<LookWord> = new Set<LookWord>(['skipped', 'reuse', 'failed', 'blocked', 'interrupted'])

const pad = (terminal: Terminal, key: string, keyWidth: number): string =>
  terminal.live ? `${key.padEnd(Math.min(keyWidth, Math.floor(terminal.columns() / 2)))}  ` : `${key}: `

/** The asset with the partitions in question. */
const named = ({ asset }: AssetProgress, spec: AssetSpec | undefined, set: PartitionSet): string =>
  spec === undefined || spec.partitions.dim === 'none' ? asset : `${asset} ${shortSet(spec.partitions, set)}`

const unchangedWords = ({ made, unchanged }: AssetProgress, sliced: boolean): string =>
  !sliced || count(unchanged) === count(made) ? 'rows as before' : `${count(unchanged)} with rows as before`

const movedWords = (moved: PartitionSet, sliced: boolean): string =>
  isEmpty(moved) ? 'as before' : sliced ? `${count(moved)} moved` : 'moved'

function checksWords(progress: AssetProgress): string {
  const warned = warnings(progress).length
  return `${counted(progress.checks.size, 'check')}${warned === 0 ? '' : `, ${warned} warned`}`
}

/** An asset that is being made, in the live block. @param now of `clock.monotonic` */
export function runningLine(terminal: Terminal, progress: AssetProgress, keyWidth: number, now: number): string {
  const half = Math.max(12, Math.min(keyWidth, Math.floor(terminal.columns() / 2)))
  const facts = [
    ...(count(progress.wanted) > 1 ? [`${endedPartitions(progress)} of ${count(progress.wanted)}`] : []),
    ...(progress.rows === undefined ? [] : [counted(progress.rows, 'row')]),
    ...(progress.startedAt === undefined ? [] : [duration(now - progress.startedAt)]),
  ]
  return `  ${glyph(terminal, 'running')} ${cut(`${cut(progress.asset, half).padEnd(half)}  ${facts.join('  ')}`, terminal.columns() - 5)}`
}

/** `[███████░░░] 47 of 244 steps · 1 failed · 5.2 s`. */
export function barLine(terminal: Terminal, view: RunView, elapsed: number): string {
  const ended = view.ended()
  const failed = view.assets.filter((progress) => !isEmpty(progress.failed) || !isEmpty(progress.blocked)).length
  const words = [
    `${number(ended)} of ${counted(view.steps, 'step')}`,
    ...(failed === 0 ? [] : [`${failed} failed`]),
    duration(elapsed),
  ].join(' · ')
  const cells = Math.max(0, Math.min(30, terminal.columns() - words.length - 6))
  const full = view.steps === 0 ? 0 : Math.floor((ended / view.steps) * cells)
  const bar =
    cells < 5
      ? ''
      : `${tinted(terminal, failed === 0 ? 'fresh' : 'failed', '█'.repeat(full))}${terminal.paint('grey', '░'.repeat(cells - full))} `
  return `  ${bar}${cut(words, terminal.columns() - 3)}`
}
