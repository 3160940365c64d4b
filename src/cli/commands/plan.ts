import { inspect, planFor } from '../../runs/launch.ts'
import { savePlan } from '../../runs/saved-plan.ts'
import { type Command, emit } from '../context.ts'
import { openProject } from '../open-project.ts'
import { planHeading, planSentence, planTable, schemaChanges, type SchemaChange } from '../render/plan.ts'
import type { Terminal } from '../render/terminal.ts'
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
    const changes = schemaChanges(planned, loaded, inspection.heads)
    if (options.json) emit(context, 'plan', { plan: planned, schemaChanges: changes })
    else {
      for (const line of planHeading(terminal, planSentence(planned, changes), `plan ${planned.id}`)) terminal.line(line)
      for (const change of changes) printChange(terminal, change)
      terminal.line()
      for (const line of planTable(terminal, planned, loaded, now)) terminal.line(line)
    }
    return options.exitCode && planned.steps.length > 0 ? CHANGES : 0
  } finally {
    inspection.close()
  }
}

function printChange(terminal: Terminal, { asset, added, dropped }: SchemaChange): void {
  const words = [...dropped.map((name) => terminal.paint('red', `drops ${name}`)), ...added.map((name) => `adds ${name}`)]
  terminal.line(`  columns of ${asset}: ${words.join(', ')}`)
}
