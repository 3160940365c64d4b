import type { AssetDefinition } from '../assets/define-asset.ts'
import { AssayError } from '../errors.ts'

/** What is wrong with what is said of an asset. The type checker holds this too; a project may not have been checked. */
export function validateMetadata({ key, metadata, where }: AssetDefinition): readonly AssayError[] {
  const { description, owners, group, tags, kinds } = metadata
  const wrong: readonly (string | undefined)[] = [
    description === undefined || typeof description === 'string' ? undefined : 'description must be a text',
    group === undefined || isName(group) ? undefined : 'group must be a text that is not empty',
    isNames(owners) ? undefined : 'owners must be a list of texts that are not empty',
    isNames(kinds) ? undefined : 'kinds must be a list of texts that are not empty',
    isTags(tags) ? undefined : "tags must be texts by name, such as { team: 'growth' }",
  ]
  return wrong.flatMap((what) =>
    what === undefined ? [] : [new AssayError('ASSAY-1011', `${key}: ${what}`, { where, next: 'Mend the option.' })],
  )
}

const isName = (value: unknown): boolean => typeof value === 'string' && value.trim() !== ''
const isNames = (value: unknown): boolean => value === undefined || (Array.isArray(value) && value.every(isName))
const isTags = (value: unknown): boolean =>
  value === undefined ||
  (typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(([tag, text]: readonly [string, unknown]) => isName(tag) && typeof text === 'string'))
