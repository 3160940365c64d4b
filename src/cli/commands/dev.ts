import { EventEmitter, on } from 'node:events'
import { loadProject } from '../../project/load.ts'
import { diffManifests, type ManifestDiff } from '../../project/manifest-diff.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import { boundToStore, inspect, planFor } from '../../runs/launch.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { settingsOf } from '../settings.ts'
import { counted } from '../render/words.ts'
import { problemsOf, showProblems } from '../show-problems.ts'
import { watchFiles } from '../watch.ts'
import { materialize } from './materialize.ts'
import { retry } from './retry.ts'

const KEYS = 'r run what is not fresh · f retry what failed · o run one · q quit'

type Happening = { readonly kind: 'changed'; readonly files: readonly string[] } | { readonly kind: 'key'; readonly key: string }

/**
 * `assay dev`: watches the project, says what each change means for its tables, and runs things on a key. A project with
 * errors keeps its last good manifest: what runs is that one.
 */
export const dev: Command = async (context) => {
  const { surroundings } = context
  const settings = settingsOf(context)
  const happenings = new EventEmitter<{ happening: [Happening] }>()
  const quit = new AbortController()
  // Listens before anything can happen: what happens while the project loads is heard after that.
  const heard = on(happenings, 'happening', { signal: quit.signal }) as AsyncIterable<[Happening]>
  const unwatch = watchFiles({ root: settings.root, ignored: [settings.home, settings.warehouse], clock: surroundings.clock }, (files) =>
    happenings.emit('happening', { kind: 'changed', files }),
  )
  const unkey = surroundings.onKey((key) => happenings.emit('happening', { kind: 'key', key }))
  let heedNoMore = surroundings.onInterrupt(() => quit.abort())
  const desk: Desk = { context, current: undefined, broken: false, typed: undefined }
  try {
    await reload(desk, [])
    if (!context.options.json) context.terminal.line(context.terminal.paint('grey', `watching ${settings.root}   ${KEYS}`))
    for await (const [happening] of heard) {
      if (happening.kind === 'changed') await reload(desk, happening.files)
      else if (pressed(desk, happening.key) === 'quit') break
      if (desk.run === undefined) continue
      // While something runs, Ctrl-C is for that.
      heedNoMore()
      await runCommand(desk)
      heedNoMore = surroundings.onInterrupt(() => quit.abort())
    }
    return 0
  } catch (error) {
    if (quit.signal.aborted) return 0
    throw error
  } finally {
    heedNoMore()
    unkey()
    unwatch()
  }
}

/** What `dev` knows between two happenings. */
interface Desk {
  readonly context: CommandContext
  /** The last good manifest. */
  current: LoadedManifest | undefined
  broken: boolean
  /** Of a name that is being typed. */
  typed: string | undefined
  /** What was asked for by key. */
  run?: { readonly command: Command; readonly words: readonly string[] } | undefined
}

async function reload(desk: Desk, files: readonly string[]): Promise<void> {
  const { context } = desk
  const settings = settingsOf(context)
  try {
    const loaded = await loadProject(settings)
    const before = desk.current
    const mended = desk.broken
    desk.current = loaded
    desk.broken = false
    if (before !== undefined && loaded.id === before.id && !mended) return
    const diff = before === undefined ? undefined : diffManifests(before.manifest, loaded.manifest)
    await tell(context, loaded, files, diff)
  } catch (error) {
    desk.broken = true
    showProblems(context.surroundings, problemsOf(error), { root: settings.root, json: context.options.json, trace: context.options.trace })
    if (desk.current !== undefined && !context.options.json) context.terminal.line('the last good version is kept')
  }
}

/** What changed, and what is not fresh now. */
async function tell(
  context: CommandContext,
  loaded: LoadedManifest,
  files: readonly string[],
  diff: ManifestDiff | undefined,
): Promise<void> {
  const bound = await boundToStore(settingsOf(context), loaded)
  const inspection = await inspect(settingsOf(context), bound)
  try {
    const now = context.surroundings.clock.now()
    const plan = planFor(bound, inspection.states, { request: 'dev', force: false }, now)
    const due = plan.assets.filter((planned) => planned.action === 'run').map((planned) => planned.asset)
    const { terminal, options } = context
    if (options.json) return emit(context, 'project', { manifestId: loaded.id, files, diff: diff ?? null, due, steps: plan.steps.length })
    if (files.length > 0) terminal.line(`${terminal.paint('cyan', 'changed')}  ${files.join(', ')}`)
    for (const line of diff === undefined ? [] : diffLines(diff)) terminal.line(`         ${line}`)
    const total = counted(loaded.manifest.assets.length, 'asset')
    if (due.length === 0) return terminal.line(`${terminal.paint('green', 'fresh')}    all of ${total}`)
    const names = due.length > MOST_NAMED ? `${due.slice(0, MOST_NAMED).join(', ')} and ${due.length - MOST_NAMED} more` : due.join(', ')
    terminal.line(`${terminal.paint('yellow', 'to run')}   ${due.length} of ${total}, ${counted(plan.steps.length, 'step')}: ${names}`)
  } finally {
    inspection.close()
  }
}

const MOST_NAMED = 6

const diffLines = ({ added, removed, code, rest }: ManifestDiff): readonly string[] =>
  (
    [
      ['new', added],
      ['gone', removed],
      ['code', code],
      ['description, checks or the like', rest],
    ] as const
  ).flatMap(([what, keys]) => (keys.length === 0 ? [] : [`${what}: ${keys.join(', ')}`]))

/** A key, or a letter of a name that is being typed. */
function pressed(desk: Desk, key: string): 'quit' | undefined {
  const { terminal } = desk.context
  if (desk.typed !== undefined) return void typing(desk, key)
  if (key === 'q') return 'quit'
  if (key === 'r') desk.run = { command: materialize, words: [] }
  else if (key === 'f') desk.run = { command: retry, words: [] }
  else if (key === 'o') {
    desk.typed = ''
    terminal.write('run which asset? ')
  }
  return undefined
}

function typing(desk: Desk, key: string): void {
  const { terminal } = desk.context
  const typed = desk.typed ?? ''
  if (key === '\u001b' || key === '\r' || key === '\n') {
    terminal.line()
    desk.typed = undefined
    if (key !== '\u001b' && typed.trim() !== '') desk.run = { command: materialize, words: [typed.trim()] }
  } else if (key === '\u007f') {
    desk.typed = typed.slice(0, -1)
    if (typed !== '' && terminal.live) terminal.write('\b \b')
  } else {
    desk.typed = typed + key
    if (terminal.live) terminal.write(key)
  }
}

async function runCommand(desk: Desk): Promise<void> {
  const { run, context } = desk
  desk.run = undefined
  if (run === undefined) return
  try {
    await run.command({ ...context, words: run.words })
  } catch (error) {
    showProblems(context.surroundings, problemsOf(error), {
      root: settingsOf(context).root,
      json: context.options.json,
      trace: context.options.trace,
    })
  }
}
