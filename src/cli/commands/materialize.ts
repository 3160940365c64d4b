import type { Command } from '../context.ts'
import { openProject } from '../open-project.ts'
import { requestOf } from '../request.ts'
import { runAndReport } from '../run-and-report.ts'

/** `assay materialize [assets]`: makes what is missing or stale, tests it, publishes it. */
export const materialize: Command = async (context) => {
  const project = await openProject(context)
  return runAndReport(context, project, requestOf(context, project.loaded))
}
