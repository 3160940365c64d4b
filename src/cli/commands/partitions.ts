import { didYouMean } from '../../assets/nearest.ts'
import type { AssetSpec } from '../../assets/spec.ts'
import { AssayError } from '../../errors.ts'
import { dynamicOf } from '../../partitions/bind.ts'
import { valueAt } from '../../partitions/interval-map.ts'
import { contains, count, each, first, intersect, type PartitionSet, range } from '../../partitions/partition-set.ts'
import { NO_VALUES, type Registry } from '../../partitions/registry.ts'
import { parseSet, partitionKey } from '../../partitions/texts.ts'
import type { LoadedManifest } from '../../project/manifest.ts'
import { changeRegistry, type RegistryChange } from '../../runs/change-registry.ts'
import { inspect } from '../../runs/launch.ts'
import { NOTHING_KNOWN } from '../../runs/plan.ts'
import { heldOf, registriesOf } from '../../runs/registries.ts'
import type { AssetState } from '../../storage/storage.ts'
import { type AssetFacts, factsOf } from '../asset-facts.ts'
import { type Command, type CommandContext, emit } from '../context.ts'
import { oneAsset, type OpenProject, openProject } from '../open-project.ts'
import { type LookWord, look } from '../render/status.ts'
import { type TableCell, type TableColumn, table } from '../render/table.ts'
import { ago, counted, number, short, wrap } from '../render/words.ts'

/** Partitions shown on a page. */
const PAGE = 40

/**
 * `assay partitions <asset-or-registry> [add|remove VALUE…]`: the partitions of an asset with the status of each, or the
 * values of a registry; adds values to it or removes them.
 */
export const partitions: Command = async (context) => {
  const [name = '', action, ...values] = context.words
  const project = await openProject(context)
  if (action !== undefined) await change(context, project, changeOf(project.loaded, name, action, values))
  else if (registriesOf(project.loaded).has(name)) listRegistry(context, project.loaded, name)
  else await listAsset(context, project, oneAsset(project.loaded, name))
  return 0
}

/** @throws ASSAY-4002, ASSAY-4003, ASSAY-4004 */
function changeOf(loaded: LoadedManifest, name: string, action: string, values: readonly string[]): RegistryChange {
  const example = `For example: assay partitions ${name} add acme`
  if (action !== 'add' && action !== 'remove')
    throw new AssayError('ASSAY-4002', `assay partitions takes add or remove, not ${action}`, {
      next: didYouMean(action, ['add', 'remove']) ?? example,
    })
  if (values.length === 0) throw new AssayError('ASSAY-4002', `assay partitions ${name} ${action} needs values`, { next: example })
  return { registry: registryNamed(loaded, name), action, values }
}

/** The registry of this name, or the only one of an asset. */
function registryNamed(loaded: LoadedManifest, name: string): string {
  const known = [...registriesOf(loaded)]
  if (known.includes(name)) return name
  const spec = loaded.asset(name)
  if (spec === undefined)
    throw new AssayError('ASSAY-4003', `there is no registry and no asset '${name}'`, {
      next: didYouMean(name, [...known, ...loaded.manifest.assets.map(({ key }) => key)]) ?? "A registry is declared by dynamic('name').",
    })
  const [own, ...more] = dynamicOf(spec.partitions).map((dimension) => dimension.spec.registry)
  if (own !== undefined && more.length === 0) return own
  throw new AssayError('ASSAY-4004', own === undefined ? `${name} has no dynamic partitions` : `${name} has more than one registry`, {
    where: spec.where,
    next:
      own === undefined
        ? "Partitions that are added at run time are declared by dynamic('name')."
        : `Name one of ${own}, ${more.join(', ')}.`,
  })
}

async function change(context: CommandContext, { settings, loaded }: OpenProject, asked: RegistryChange): Promise<void> {
  const { changed, unchanged } = await changeRegistry({ settings, loaded, clock: context.surroundings.clock }, asked)
  const { registry, action } = asked
  if (context.options.json) return emit(context, 'registry', { registry, action, changed, unchanged })
  const done = action === 'add' ? 'added' : 'removed'
  const words = `${registry}: ${counted(changed.length, 'value')} ${done}${unchanged.length === 0 ? '' : `, ${number(unchanged.length)} ${action === 'add' ? 'there already' : 'removed before'}`}`
  context.terminal.line(words)
  const readers = assetsBy(loaded, registry)
  if (changed.length === 0 || readers.length === 0) return
  const next =
    action === 'add' ? `next: assay plan ${readers.join(' ')}` : 'their rows stay in the tables; nothing reads or makes them any more'
  for (const line of wrap(next, context.terminal.columns())) context.terminal.line(context.terminal.paint('grey', line))
}

const assetsBy = ({ manifest }: LoadedManifest, registry: string): readonly string[] =>
  manifest.assets.filter(({ partitions: spec }) => dynamicOf(spec).some((d) => d.spec.registry === registry)).map(({ key }) => key)

function listRegistry(context: CommandContext, loaded: LoadedManifest, registry: string): void {
  const held: Registry = heldOf(loaded, registry) ?? NO_VALUES
  const { terminal, options } = context
  const after = options.after === undefined ? -1 : held.values.findIndex(([, value]) => value === options.after)
  if (options.after !== undefined && after < 0) throw new AssayError('ASSAY-4004', `the registry ${registry} never had '${options.after}'`)
  const rest = held.values.slice(after + 1)
  const shown = rest.slice(0, pageOf(context))
  const row = ([id, value]: Registry['values'][number]) => ({ registry, value, id, removed: !contains(held.live, id) })
  if (options.json) for (const value of shown) emit(context, 'value', row(value))
  else {
    const rows = shown.map(row).map(({ value, removed }): readonly TableCell[] => [value, removed ? ['removed', 'grey'] : ''])
    for (const line of table(terminal, [{ title: registry, min: 12 }, { title: '' }], rows)) terminal.line(line)
    const removed = held.values.length - count(held.live)
    foot(context, [
      `${counted(count(held.live), 'value')}${removed === 0 ? '' : `, ${number(removed)} removed`}, for ${assetsBy(loaded, registry).join(', ')}`,
      ...(held.values.length === 0 ? [`add some: assay partitions ${registry} add VALUE …`] : []),
      ...(rest.length > shown.length ? [`go on: assay partitions ${registry} --after ${quoted(shown.at(-1)?.[1] ?? '')}`] : []),
    ])
  }
}

const pageOf = ({ options }: CommandContext): number => options.limit ?? (options.json ? Number.POSITIVE_INFINITY : PAGE)

const quoted = (text: string): string => (/^[\w.:+=/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`)

function foot({ terminal }: CommandContext, lines: readonly string[]): void {
  for (const line of lines.flatMap((words) => wrap(words, terminal.columns()))) terminal.line(terminal.paint('grey', line))
}

interface Row {
  readonly partition: string
  readonly status: 'fresh' | 'stale' | 'missing' | 'external'
  /** State of the last attempt, where it did not succeed. */
  readonly lastAttempt: string | null
  readonly dataVersion: string | null
  readonly rows: number | null
  readonly lastMade: number | null
  readonly runId: string | null
}

const COLUMNS: readonly TableColumn[] = [
  { title: 'partition', min: 12 },
  { title: 'status', min: 10 },
  { title: 'version', drop: 1 },
  { title: 'last made', drop: 3 },
  { title: 'run', drop: 2 },
]

async function listAsset(context: CommandContext, { settings, loaded }: OpenProject, spec: AssetSpec): Promise<void> {
  const { terminal, options, surroundings } = context
  if (spec.partitions.dim === 'none')
    throw new AssayError('ASSAY-4004', `${spec.key} has no partitions`, { where: spec.where, next: `See \`assay show ${spec.key}\`.` })
  const inspection = await inspect(settings, loaded)
  try {
    const now = surroundings.clock.now()
    const facts = factsOf(spec, inspection, now)
    const state = inspection.states.get(spec.key) ?? NOTHING_KNOWN
    const rest = intersect(facts.exist, behind(spec, options.after, facts.exist))
    const shown = [...each(first(rest, pageOf(context)))]
    if (options.json) for (const at of shown) emit(context, 'partition', { asset: spec.key, ...rowOf(facts, state, at) })
    else {
      const rows = shown.map((at) => cells(context, rowOf(facts, state, at), now))
      for (const line of table(terminal, COLUMNS, rows)) terminal.line(line)
      const last = shown.at(-1)
      foot(context, [
        shown.length === count(facts.exist)
          ? counted(shown.length, 'partition')
          : `${number(shown.length)} of ${counted(count(facts.exist), 'partition')}`,
        ...(last !== undefined && shown.length < count(rest)
          ? [`go on: assay partitions ${spec.key} --after ${quoted(partitionKey(spec.partitions, last))}`]
          : []),
      ])
    }
  } finally {
    inspection.close()
  }
}

/** What comes after the last partition that a text names. @throws ASSAY-4004 */
function behind({ partitions: spec }: AssetSpec, text: string | undefined, exist: PartitionSet): PartitionSet {
  if (text === undefined) return exist
  return range(parseSet(spec, text, exist).at(-1)?.[1] ?? 0, Number.MAX_SAFE_INTEGER)
}

function rowOf({ spec, version }: AssetFacts, state: AssetState, at: number): Row {
  const made = valueAt(state.made, at)
  const known = contains(version.fresh, at) ? 'fresh' : contains(version.stale, at) ? 'stale' : 'missing'
  return {
    partition: partitionKey(spec.partitions, at),
    status: spec.kind === 'external' ? 'external' : known,
    lastAttempt: valueAt(state.lastAttempt, at)?.state ?? null,
    dataVersion: valueAt(state.versions, at) ?? null,
    rows: made !== undefined && count(made.partitions) === 1 ? (made.rows ?? null) : null,
    lastMade: made?.at ?? null,
    runId: made?.runId ?? null,
  }
}

function cells({ terminal }: CommandContext, row: Row, now: number): readonly TableCell[] {
  const word: LookWord =
    row.lastAttempt === 'failed' || row.lastAttempt === 'lost' ? 'failed' : row.lastAttempt === 'blocked' ? 'blocked' : row.status
  const words = row.lastAttempt === null ? row.status : `${row.status}, last attempt ${row.lastAttempt}`
  return [
    row.partition,
    look(terminal, word, words),
    row.dataVersion === null ? '' : short(row.dataVersion),
    row.lastMade === null ? '' : ago(row.lastMade, now),
    [row.runId ?? '', 'grey'],
  ]
}
