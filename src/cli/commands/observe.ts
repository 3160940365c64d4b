import { AssayError } from '../../errors.ts'
import type { Command } from '../context.ts'
import { openProject, selected } from '../open-project.ts'
import { requestOf } from '../request.ts'
import { runAndReport } from '../run-and-report.ts'

/** `assay observe [assets]`: asks external assets for their versions, so that what reads them is known to be stale. */
export const observe: Command = async (context) => {
  const project = await openProject(context)
  if (!selected(context, project.loaded).some((key) => project.loaded.asset(key)?.observe !== undefined))
    throw new AssayError('ASSAY-4002', 'there is nothing to observe: no selected asset has a version function', {
      next: 'Say how to find out its version with .observe(…) on what externalAsset() returns.',
    })
  return runAndReport(context, project, requestOf(context, project.loaded, 'observe'))
}
