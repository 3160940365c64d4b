import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { AssayError } from './errors.ts'

/** Where a project lies and where its state goes. All paths are absolute. */
export interface Settings {
  /** The folder that the paths of the manifest are relative to: that of the nearest package.json. */
  readonly root: string
  readonly projectFile: string
  /** Metadata store, catalog, manifests, logs. `ASSAY_HOME`, or `.assay` in the root. In an environment a folder of its own below that. */
  readonly home: string
  /** Iceberg tables. `ASSAY_WAREHOUSE`, or `warehouse` in the home. */
  readonly warehouse: string
  /** The Iceberg catalog. `ASSAY_CATALOG` (a SQLite file, a PostgreSQL URI, a folder of tables to read), or the SQLite file `catalog.db` in the home. */
  readonly catalog: CatalogPlace
  /** Worker processes. `ASSAY_WORKERS`, or one a core and four at most. */
  readonly workers: number
  /** Which of the project's sets of resources is used. `ASSAY_PROFILE`, or `local`. */
  readonly profile: string
  /** The environment that is read and written; undefined: `main`. `ASSAY_ENV`. */
  readonly environment?: EnvironmentPlace | undefined
}

/** An environment, and the home of what it stands on. */
export interface EnvironmentPlace {
  readonly name: string
  readonly mainHome: string
}

/** Where the metadata store and the logs of an environment lie. */
export const environmentHome = (mainHome: string, name: string): string => join(mainHome, 'environments', name)

/** The profile that every project has: its resources as they are. */
export const LOCAL = 'local'
/**
 * A catalog in a SQLite file, or in a PostgreSQL database; or none, but a folder of tables that can be read. The URI may
 * hold a password: it is not for printing.
 */
export type CatalogPlace =
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly uri: string }
  | { readonly kind: 'directory'; readonly folder: string }

export const CATALOG_NAME = 'assay'

const TEXTS = ['ASSAY_PROJECT', 'ASSAY_HOME', 'ASSAY_WAREHOUSE', 'ASSAY_PROFILE', 'ASSAY_CATALOG', 'ASSAY_ENV'] as const
const MOST_WORKERS = 64

interface Variables extends Readonly<Partial<Record<(typeof TEXTS)[number], string>>> {
  readonly ASSAY_WORKERS?: number
}

/** By hand: every command begins here, and a library that checks shapes takes longer to load than all else. @throws ASSAY-1017 */
function variablesOf(env: NodeJS.ProcessEnv): Variables {
  const empty = TEXTS.find((name) => env[name] === '')
  if (empty !== undefined) throw new AssayError('ASSAY-1017', `${empty}: it is empty`)
  const { ASSAY_WORKERS: text } = env
  const texts: Variables = Object.fromEntries(TEXTS.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
  if (text === undefined) return texts
  const workers = text.trim() === '' ? Number.NaN : Number(text)
  if (Number.isInteger(workers) && workers >= 1 && workers <= MOST_WORKERS) return { ...texts, ASSAY_WORKERS: workers }
  throw new AssayError('ASSAY-1017', `ASSAY_WORKERS: '${text}' is no whole number from 1 to ${MOST_WORKERS}`)
}

/**
 * Settings from the command line, the environment and package.json, in this order.
 * @throws ASSAY-1001 when there is no project file, ASSAY-1017 when a setting is not valid
 */
export function readSettings(options: {
  readonly cwd: string
  readonly env: NodeJS.ProcessEnv
  readonly project?: string | undefined
  readonly environment?: string | undefined
}): Settings {
  const env = variablesOf(options.env)
  const projectFile = findProject(options.cwd, options.project ?? env.ASSAY_PROJECT)
  const root = nearestPackage(dirname(projectFile)) ?? dirname(projectFile)
  const mainHome = env.ASSAY_HOME === undefined ? join(root, '.assay') : resolve(options.cwd, env.ASSAY_HOME)
  const environment = environmentPlace(mainHome, options.environment ?? env.ASSAY_ENV)
  return {
    root,
    projectFile,
    home: environment === undefined ? mainHome : environmentHome(mainHome, environment.name),
    environment,
    warehouse: env.ASSAY_WAREHOUSE === undefined ? join(mainHome, 'warehouse') : resolve(options.cwd, env.ASSAY_WAREHOUSE),
    catalog: catalogPlace(options.cwd, env.ASSAY_CATALOG ?? join(mainHome, 'catalog.db')),
    workers: env.ASSAY_WORKERS ?? Math.min(4, availableParallelism()),
    profile: env.ASSAY_PROFILE ?? LOCAL,
  }
}

/** The word for what is outside all environments. */
export const MAIN_ENVIRONMENT = 'main'

/** @throws ASSAY-4009 when it was not made */
function environmentPlace(mainHome: string, name: string | undefined): EnvironmentPlace | undefined {
  if (name === undefined || name === MAIN_ENVIRONMENT) return undefined
  const known = environmentNames(mainHome)
  if (known.includes(name)) return { name, mainHome }
  throw new AssayError('ASSAY-4009', `there is no environment '${name}'`, {
    details: known.length === 0 ? [] : [`there is ${known.join(', ')}`],
    next: `Make it with \`assay env create ${name}\`.`,
  })
}

/** The environments that were made, by name. */
export function environmentNames(mainHome: string): readonly string[] {
  const folder = join(mainHome, 'environments')
  if (!existsSync(folder)) return []
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    .toSorted()
}

/** What is not right is named without its text, which may hold a password. @throws ASSAY-1017 */
function catalogPlace(cwd: string, named: string): CatalogPlace {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(named)) {
    const path = resolve(cwd, named)
    const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
    return isFolder ? { kind: 'directory', folder: path } : { kind: 'sqlite', file: path }
  }
  const protocol = URL.parse(named)?.protocol
  if (protocol === 'postgres:' || protocol === 'postgresql:') return { kind: 'postgres', uri: named }
  throw new AssayError(
    'ASSAY-1017',
    'ASSAY_CATALOG is neither the path of a SQLite file, nor a folder of tables, nor a URI such as postgres://user@host/database',
  )
}

function findProject(cwd: string, named: string | undefined): string {
  const root = nearestPackage(cwd)
  const candidates = named === undefined ? [...fromPackage(root), join(cwd, 'project.ts')] : [resolve(cwd, named)]
  const found = candidates.find((file) => existsSync(file))
  if (found !== undefined) return found
  throw new AssayError('ASSAY-1001', `no project file at ${candidates.map((file) => relative(cwd, file) || file).join(' or ')}`)
}

function fromPackage(root: string | undefined): readonly string[] {
  if (root === undefined) return []
  const project = projectIn(readJson(join(root, 'package.json')))
  return project === undefined ? [] : [isAbsolute(project) ? project : join(root, project)]
}

function projectIn(file: unknown): string | undefined {
  const assay = typeof file === 'object' && file !== null && 'assay' in file ? file.assay : undefined
  const project = typeof assay === 'object' && assay !== null && 'project' in assay ? assay.project : undefined
  return typeof project === 'string' ? project : undefined
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

function nearestPackage(from: string): string | undefined {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (dirname(folder) === folder) return undefined
  }
}
