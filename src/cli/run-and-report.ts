import { pathToFileURL } from 'node:url'
import { AssayError } from '../errors.ts'
import { CATALOG_NAME, type CatalogPlace, type Settings } from '../config.ts'
import { formatTableId } from '../iceberg/catalog.ts'
import { localStore } from '../iceberg/stores/local.ts'
import { type AssetKey, tableNameOf } from '../keys.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import { withoutPassword } from '../resources/postgres.ts'
import { launch, openCatalog, type RunOutcome, type RunRequest } from '../runs/launch.ts'
import { type CommandContext, emit } from './context.ts'
import type { OpenProject } from './open-project.ts'
import { type RunPrinter, runPrinter } from './render/run-printer.ts'
import type { Terminal } from './render/terminal.ts'

const INTERRUPTED = 130

/** Launches a request and shows how it goes. Resolves to the exit code. */
export async function runAndReport(context: CommandContext, { settings, loaded }: OpenProject, request: RunRequest): Promise<number> {
  const { surroundings, options, terminal } = context
  const { clock } = surroundings
  const printer = options.json
    ? jsonPrinter(context)
    : runPrinter({ terminal, clock, loaded, frame: { root: settings.root, trace: options.trace } })
  const stop = new AbortController()
  const heedNoMore = surroundings.onInterrupt(() => {
    if (stop.signal.aborted) surroundings.exit(INTERRUPTED)
    printer.stopping()
    stop.abort()
  })
  try {
    const outcome = await launch({ settings, loaded, request, clock, signal: stop.signal, listener: printer })
    printer.end(outcome)
    if (!options.json && outcome.runId !== undefined && outcome.state === 'succeeded')
      await printReading(terminal, settings, lastTable(loaded, outcome))
    return outcome.state === 'succeeded' ? 0 : outcome.state === 'interrupted' ? INTERRUPTED : 1
  } catch (error) {
    printer.broken()
    if (stop.signal.aborted && !(error instanceof AssayError))
      throw new AssayError('ASSAY-3009', 'the run was interrupted before it began', { cause: error })
    throw error
  } finally {
    heedNoMore()
  }
}

/** The events of a run as they are stored, one a line, between its plan and its summary. */
function jsonPrinter(context: CommandContext): RunPrinter {
  return {
    recovered: (runs) => {
      for (const { run, published, interrupted } of runs)
        emit(context, 'recovered', { runId: run.id, request: run.request, published, interrupted })
    },
    observed: (observations) => {
      for (const observation of observations) emit(context, 'observed', observation)
    },
    planned: (plan, runId) => emit(context, 'plan', { runId: runId ?? null, plan }),
    event: ({ type, ...event }) => emit(context, type, event),
    maintained: (tables) => {
      for (const one of tables) emit(context, 'maintained', { dryRun: false, ...one })
    },
    stopping: () => {},
    end: ({ runId, plan, state }) => emit(context, 'summary', { runId: runId ?? null, planId: plan.id, state, steps: plan.steps.length }),
    broken: () => {},
  }
}

/** The table furthest downstream that was made. */
const lastTable = (loaded: LoadedManifest, { plan }: RunOutcome): AssetKey | undefined =>
  plan.assets.findLast((planned) => planned.action === 'run' && loaded.asset(planned.asset)?.kind === 'table')?.asset

/** As SQLAlchemy spells it, without a password. */
const pythonUri = (place: Exclude<CatalogPlace, { kind: 'directory' }>): string =>
  place.kind === 'sqlite' ? `sqlite:///${place.file}` : withoutPassword(place.uri).replace(/^postgres(ql)?:/, 'postgresql+psycopg2:')

/** How to read what was made, here and with other tools. */
async function printReading(terminal: Terminal, settings: Settings, key: AssetKey | undefined): Promise<void> {
  const { catalog: place, warehouse, environment } = settings
  if (key === undefined || place.kind === 'directory') return
  const catalog = openCatalog(settings, localStore())
  const id = tableNameOf(key)
  const own = 'own' in catalog ? await catalog.own() : []
  const table = await catalog.load(id).finally(() => catalog.close())
  if (table === undefined) return
  // What turned out to be as it was has no table of the environment.
  const elsewhere = own.find((one) => formatTableId(one.id) === formatTableId(id))?.own ?? id
  const lines = [
    `read it here:    assay query "select * from ${key}"${environment === undefined ? '' : ` --env ${environment.name}`}`,
    `with PyIceberg:  SqlCatalog('${CATALOG_NAME}', uri='${pythonUri(place)}', warehouse='${pathToFileURL(warehouse)}').load_table('${formatTableId(elsewhere)}')`,
    `with DuckDB:     from iceberg_scan('${table.metadataLocation}')`,
  ]
  terminal.line()
  for (const line of lines) terminal.line(terminal.paint('grey', line))
}
