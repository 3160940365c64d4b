import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AssayError } from '../errors.ts'
import type { Resource } from './resource.ts'

/** Where the values of settings come from. */
export interface SettingsSource {
  /** Folder of `assay.settings.json`. */
  readonly root: string
  readonly profile: string
  readonly env: NodeJS.ProcessEnv
}

type Values = Readonly<Record<string, unknown>>

/**
 * The settings of a resource, checked by its schema. Values are never part of an error.
 * @throws ASSAY-1019 with every field that is missing or wrong, and where it may be set
 */
export function settingsOf(
  { name, settings, where }: Pick<Resource<unknown>, 'name' | 'settings' | 'where'>,
  source: SettingsSource,
): unknown {
  if (settings === undefined) return {}
  const fields = Object.keys(settings.shape)
  const written = valuesOf(name, source)
  const given = fields.flatMap((field) => {
    const value = fromEnvironment(variableOf(name, field), source.env) ?? written[field]
    return value === undefined ? [] : [[field, value] as const]
  })
  const parsed = settings.safeParse(Object.fromEntries(given))
  if (parsed.success) return parsed.data
  const faults = new Map(parsed.error.issues.map((issue) => [String(issue.path[0] ?? ''), issue.message]))
  throw new AssayError('ASSAY-1019', `the settings of ${name} are not valid: ${[...faults.keys()].join(', ')}`, {
    where,
    details: [...faults].map(([field, message]) => `${field}: ${message} (${variableOf(name, field)})`),
    next: `Set the variables named above, or "${name}" in assay.settings.json.`,
  })
}

/** `apiToken` of `crm` is `CRM_API_TOKEN`. */
export const variableOf = (name: string, field: string): string =>
  `${name}_${field}`
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/\W/g, '_')
    .toUpperCase()

/** As itself, or as the content of a file, without the line break that editors leave at its end. */
function fromEnvironment(variable: string, env: NodeJS.ProcessEnv): string | undefined {
  const file = env[`${variable}_FILE`]
  if (env[variable] !== undefined || file === undefined) return env[variable]
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new AssayError('ASSAY-1019', `the file that ${variable}_FILE names cannot be read: ${file}`, { cause })
  }
}

function valuesOf(name: string, { root, profile }: SettingsSource): Values {
  const files = ['assay.settings.json', `assay.settings.${profile}.json`].map((file) => join(root, file))
  return Object.assign({}, ...files.map((file) => sectionOf(file, name)))
}

function sectionOf(file: string, name: string): Values {
  if (!existsSync(file)) return {}
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    const section = content[name]
    return typeof section === 'object' && section !== null ? (section as Values) : {}
  } catch (cause) {
    throw new AssayError('ASSAY-1019', `${file} is not JSON`, { where: { file, line: 1, column: 1 }, cause })
  }
}
