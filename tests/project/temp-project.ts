import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Settings } from '../../src/config.ts'
import type { Problem } from '../../src/errors.ts'
import { loadProject } from '../../src/project/load.ts'
import type { LoadedManifest } from '../../src/project/manifest.ts'
import { ProjectErrors } from '../../src/project/problems.ts'

/** A project in a folder of its own, which imports 'assay' as any user would. */
export interface TempProject {
  readonly root: string
  readonly settings: Settings
  write(files: Readonly<Record<string, string>>): void
  load(): Promise<LoadedManifest>
  /** The problems of a project that must not load. */
  problems(): Promise<readonly Problem[]>
  codeVersions(): Promise<Readonly<Record<string, string>>>
  remove(): void
}

/** @param files by path. Without a `project.ts`, one is made that holds every other file but those below `lib/`. @param folder the name of its folder */
export function tempProject(files: Readonly<Record<string, string>>, folder = 'project'): TempProject {
  const parent = realpathSync(mkdtempSync(join(tmpdir(), 'assay-project-')))
  const root = join(parent, folder)
  mkdirSync(join(root, 'node_modules'), { recursive: true })
  symlinkSync(resolve(import.meta.dirname, '../..'), join(root, 'node_modules/assay'), 'dir')
  const home = join(root, '.assay')
  const settings = {
    root,
    projectFile: join(root, 'project.ts'),
    home,
    warehouse: join(home, 'warehouse'),
    catalogFile: join(home, 'catalog.db'),
    workers: 1,
  }
  const write: TempProject['write'] = (texts) => {
    for (const [path, text] of Object.entries(texts)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
  }
  const load = (): Promise<LoadedManifest> => loadProject(settings)
  write({ 'package.json': '{ "type": "module" }', 'project.ts': projectOf(Object.keys(files)), ...files })
  return {
    root,
    settings,
    write,
    load,
    problems: () =>
      load().then(
        () => Promise.reject(new Error('the project loaded')),
        (error: unknown) => (error instanceof ProjectErrors ? error.problems : Promise.reject(error)),
      ),
    codeVersions: async () => Object.fromEntries((await load()).manifest.assets.map((spec) => [spec.key, spec.codeVersion])),
    remove: () => rmSync(parent, { recursive: true, force: true }),
  }
}

function projectOf(files: readonly string[]): string {
  const modules = files.filter((file) => file.endsWith('.ts') && !file.startsWith('lib/'))
  const imports = modules.map((file, i) => `import * as m${i} from './${file}'`)
  return `import { defineProject } from 'assay'\n${imports.join('\n')}\nexport default defineProject({ name: 'test', assets: { ${modules.map((_, i) => `m${i}`).join(', ')} } })\n`
}
