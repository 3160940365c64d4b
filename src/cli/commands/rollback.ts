import { siblingsOf } from '../../assets/spec.ts'
import { AssayError } from '../../errors.ts'
import { formatSet, shortSet } from '../../partitions/texts.ts'
import { inspect } from '../../runs/launch.ts'
import { planRollback, type RollbackPlan, rollBack } from '../../runs/rollback.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { oneAsset, type OpenProject, openProject } from '../open-project.ts'
import { versionLines } from '../render/versions.ts'
import { counted, wrap } from '../render/words.ts'

type Spec = ReturnType<typeof oneAsset>

/** `assay rollback <asset> --to <version>`: shows what moving its table there changes, and does it with `--yes`. */
export const rollback: Command = async (context) => {
  const project = await openProject(context)
  const spec = oneAsset(project.loaded, context.words[0] ?? '')
  const { to, yes } = context.options
  if (to === undefined)
    throw new AssayError('ASSAY-4002', 'assay rollback needs --to', {
      next: `\`assay show ${spec.key}\` lists the snapshots of its table.`,
    })
  const plan = yes ? await done(context, project, spec, to) : await planned(project, spec, to)
  if (context.options.json) emit(context, 'rollback', planJson(plan, spec, yes))
  else print(context, project, spec, plan)
  return 0
}

async function planned({ settings, loaded }: OpenProject, spec: Spec, to: string): Promise<RollbackPlan | undefined> {
  const { store, heads, close } = await inspect(settings, loaded)
  try {
    return await planRollback(store, spec, heads.get(spec.key), to)
  } finally {
    close()
  }
}

async function done({ surroundings }: CommandContext, project: OpenProject, spec: Spec, to: string): Promise<RollbackPlan | undefined> {
  return (await rollBack({ ...project, clock: surroundings.clock, spec, to }))?.plan
}

function planJson(plan: RollbackPlan | undefined, spec: Spec, yes: boolean): object {
  if (plan === undefined) return { asset: spec.key, done: false, changes: false }
  const { asset, from, to, direction, rows, partitions } = plan
  return { asset, done: yes, changes: true, from: from.id, to: to.id, direction, rows, partitions: formatSet(spec.partitions, partitions) }
}

function print({ terminal, options }: CommandContext, { loaded }: OpenProject, spec: Spec, plan: RollbackPlan | undefined): void {
  const say = (words: string): void => {
    for (const line of wrap(words, terminal.columns())) terminal.line(line)
  }
  if (plan === undefined) return say(`${spec.key} stands there already: nothing to change`)
  const readers = loaded.readers(spec.key).map((reader) => reader.key)
  terminal.line(terminal.paint('bold', `${spec.key} goes ${plan.direction}`))
  for (const line of versionLines(terminal, plan)) terminal.line(line)
  terminal.line()
  say(rowWords(plan.rows))
  if (spec.outputs !== undefined) say(`made together with it, and left where they are: ${siblingsOf(spec).join(', ')}`)
  if (spec.partitions.dim !== 'none') say(`partitions: ${shortSet(spec.partitions, plan.partitions)}`)
  if (readers.length > 0) say(`${options.yes ? 'stale now' : 'gets stale'}: ${readers.join(', ')}, and what reads them`)
  terminal.line()
  say(
    terminal.suggest(
      options.yes
        ? `done; take it back with: assay rollback ${spec.key} --to ${plan.from.id} --yes`
        : `nothing was changed; do it with: assay rollback ${spec.key} --to ${plan.to.id} --yes`,
    ),
  )
  if (options.yes && plan.direction === 'back') say('the next materialize makes anew what was taken back: mend its cause first')
}

/** Counted by files: rows that only moved to another file go and come. */
function rowWords({ appear, disappear }: RollbackPlan['rows']): string {
  const words = [
    ...(disappear === 0 ? [] : [`${counted(disappear, 'row')} of the files that change go out of sight`]),
    ...(appear === 0 ? [] : [`${counted(appear, 'row')} come back`]),
  ]
  return words.join(', ') || 'no rows change'
}
