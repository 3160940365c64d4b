import { isEmpty } from '../../partitions/partition-set.ts'
import { formatSet } from '../../partitions/texts.ts'
import { type LoadedManifest, manifestFile } from '../../project/manifest.ts'
import { inspect, planFor } from '../../runs/launch.ts'
import type { Plan } from '../../runs/plan.ts'
import { outlookOf } from '../../runs/plan-outlook.ts'
import { savePlan } from '../../runs/saved-plan.ts'
import { type Command, emit } from '../context.ts'
import type { PlanFields } from '../plan-format.ts'
import { openProject } from '../open-project.ts'
import { outlookLines, planHeading, planSentence, planTable } from '../render/plan.ts'
import { requestOf } from '../request.ts'

const CHANGES = 4

/** `assay plan [assets]`: what `materialize` would run now, and why. Changes nothing; the plan is kept for `--plan`. */
export const plan: Command = async (context) => {
  const { settings, loaded } = await openProject(context)
  const { terminal, options } = context
  const now = context.surroundings.clock.now()
  const inspection = await inspect(settings, loaded)
  try {
    const request = requestOf(context, loaded)
    const planned = planFor(loaded, inspection.states, request, now)
    savePlan(settings.home, { plan: planned, request })
    const outlook = await outlookOf(planned, {
      loaded,
      ...inspection,
      workers: settings.workers,
      manifestFile: (id) => manifestFile(settings.home, id),
    })
    if (options.json) emit(context, 'plan', { plan: planned, partitions: slicesOf(planned, loaded), ...outlook } satisfies PlanFields)
    else {
      for (const line of planHeading(terminal, planSentence(planned, outlook.destroyed), `plan ${planned.id}`)) terminal.line(line)
      for (const line of outlookLines(terminal, planned, outlook, loaded)) terminal.line(line)
      terminal.line()
      // At once: of ten thousand assets, each line by itself takes as long as the plan.
      terminal.line(planTable(terminal, planned, loaded, now).join('\n'))
    }
    return options.exitCode && planned.steps.length > 0 ? CHANGES : 0
  } finally {
    inspection.close()
  }
}

/** What runs of each sliced asset, as people write it. */
const slicesOf = ({ assets }: Plan, loaded: LoadedManifest): PlanFields['partitions'] =>
  Object.fromEntries(
    assets.flatMap(({ asset, run }) => {
      const spec = loaded.asset(asset)
      return spec === undefined || spec.partitions.dim === 'none' || isEmpty(run) ? [] : [[asset, formatSet(spec.partitions, run)]]
    }),
  )
