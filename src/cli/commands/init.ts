import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import * as z from 'zod'
import { AssayError } from '../../errors.ts'
import { type Command, emit } from '../context.ts'
import { STARTER } from '../starter.ts'

/** Files that a folder may have already; they are kept as they are. */
const KEPT: ReadonlySet<string> = new Set(['tsconfig.json', '.gitignore'])
const PROJECT = 'project.ts'

/** `assay init`: writes a small project into this folder, over nothing. */
export const init: Command = async (context) => {
  const folder = context.surroundings.cwd
  const inPackage = packageJson(folder)
  const taken = Object.keys(STARTER).filter((path) => !KEPT.has(path) && existsSync(join(folder, path)))
  if (taken.length > 0) throw new AssayError('ASSAY-4007', 'files of a project are here already', { details: taken })
  const files = Object.entries(STARTER).filter(([path]) => !existsSync(join(folder, path)))
  for (const [path, text] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text, { flag: 'wx' })
  }
  writeFileSync(join(folder, 'package.json'), inPackage)
  const written = ['package.json', ...files.map(([path]) => path)]
  if (context.options.json) for (const path of written) emit(context, 'written', { path })
  else {
    const { terminal } = context
    for (const path of written) terminal.line(`wrote ${path}`)
    const install = existsSync(join(folder, 'node_modules/assay')) ? [] : ['npm install']
    terminal.line()
    for (const next of [...install, 'assay materialize', 'assay query "select * from gold.daily_revenue order by all"'])
      terminal.line(`next: ${next}`)
  }
  return 0
}

const PackageFile = z.looseObject({
  type: z.string().optional(),
  assay: z.looseObject({ project: z.string().optional() }).optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
})

/** The text of package.json: a new one, or the one that is there with what Assay needs. @throws ASSAY-4007 */
function packageJson(folder: string): string {
  const file = join(folder, 'package.json')
  const text = existsSync(file) ? readFileSync(file, 'utf8') : JSON.stringify({ name: packageName(folder), private: true })
  const parsed = PackageFile.safeParse(jsonOf(text))
  if (!parsed.success)
    throw new AssayError('ASSAY-4007', 'package.json is there and cannot be read', {
      next: 'Mend package.json, or run it in an empty folder.',
    })
  if (parsed.data.type !== undefined && parsed.data.type !== 'module')
    throw new AssayError('ASSAY-4007', `package.json says "type": "${parsed.data.type}", and a project of Assay is made of modules`, {
      next: 'Say `npm pkg set type=module` and run it again, or run it in an empty folder.',
    })
  const { assay, dependencies } = parsed.data
  if (assay?.project !== undefined) throw new AssayError('ASSAY-4007', `package.json names the project ${assay.project}`)
  const merged = { ...parsed.data, type: 'module', assay: { ...assay, project: PROJECT }, dependencies: { assay: '*', ...dependencies } }
  return `${JSON.stringify(merged, null, 2)}\n`
}

const packageName = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replace(/^-+|-+$/g, '') || 'shop'

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
