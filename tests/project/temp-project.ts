import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { expect } from 'vitest'
import type { Settings } from '../../src/config.ts'
import type { Problem } from '../../src/errors.ts'
import { loadProject } from '../../src/project/load.ts'
import type { LoadedManifest } from '../../src/project/manifest.ts'
import { ProjectErrors } from '../../src/project/problems.ts'

export type Files = Readonly<Record<string, string>>

/** A project in a folder of its own, which imports 'assay' as any user would. */
export interface TempProject {
  readonly root: string
  readonly settings: Settings
  write(files: Files): void
  load(): Promise<LoadedManifest>
  /** The problems of a project that must not load. */
  problems(): Promise<readonly Problem[]>
  codeVersions(): Promise<Readonly<Record<string, string>>>
  remove(): void
}

/** @param files by path. Without a `project.ts`, one is made that holds every other file but those in a folder `lib`. @param folder the name of its folder */
export function tempProject(files: Files, folder = 'project'): TempProject {
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
    catalog: { kind: 'sqlite', file: join(home, 'catalog.db') } as const,
    workers: 1,
    profile: 'local',
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

/** A project and one edit of it: replacements in one of its files. */
export interface Variant {
  readonly files: Files
  readonly file: string
  readonly changes: readonly (readonly [from: string, to: string])[]
}

/**
 * The assets that become stale with each variant, sorted. A variant lives in a folder of its own with asset keys of its
 * own (`a.x` becomes `v0.x`), so that two loads tell of all of them.
 */
export async function staleInVariants(project: TempProject, variants: readonly Variant[]): Promise<readonly (readonly string[])[]> {
  const write = (i: number, texts: Files): void => {
    const own = Object.entries(texts).map(([file, text]) => [`v${i}/${file}`, text.replaceAll(/'a\.(?=[a-z])/g, `'v${i}.`)] as const)
    project.write(Object.fromEntries(own))
  }
  project.write({ 'project.ts': projectOf(variants.flatMap(({ files }, i) => Object.keys(files).map((file) => `v${i}/${file}`))) })
  for (const [i, { files }] of variants.entries()) write(i, files)
  const before = await project.codeVersions()
  for (const [i, { files, file, changes }] of variants.entries()) {
    let text = files[file] ?? ''
    for (const [from, to] of changes) {
      expect(text).toContain(from)
      text = text.replace(from, to)
    }
    write(i, { [file]: text })
  }
  const after = await project.codeVersions()
  const stale = Object.keys(after).filter((key) => after[key] !== before[key])
  const keys = variants.map((_, i) => stale.filter((key) => key.startsWith(`v${i}.`)))
  expect(keys.flat()).toHaveLength(stale.length)
  return keys.map((own) => own.map((key) => key.replace(/^v\d+/, 'a')).toSorted())
}

function projectOf(files: readonly string[]): string {
  const modules = files.filter((file) => file.endsWith('.ts') && !file.includes('lib/'))
  const imports = modules.map((file, i) => `import * as m${i} from './${file}'`)
  return `import { defineProject } from 'assay'\n${imports.join('\n')}\nexport default defineProject({ name: 'test', assets: { ${modules.map((_, i) => `m${i}`).join(', ')} } })\n`
}
