import { didYouMean } from '../assets/nearest.ts'
import type { AssetSpec } from '../assets/spec.ts'
import { indexOfValue, valueAt } from '../partitions/holder.ts'
import { contains, each } from '../partitions/partition-set.ts'
import { type DimensionSpec, dimensionsOf } from '../partitions/spec.ts'

/** What a person may have meant by a text that names no partition; undefined where nothing is near. */
export function partitionHint(text: string, specs: readonly AssetSpec[]): string | undefined {
  const dimensions = specs.flatMap(({ partitions }) => dimensionsOf(partitions).map(({ spec }) => spec))
  const words = text.split(/[,/]/).map((part) =>
    part
      .replace(/^\s*\w+=/, '')
      .replaceAll('"', '')
      .trim(),
  )
  for (const word of words) {
    const gone = dimensions.find((spec) => spec.dim === 'dynamic' && wasRemoved(spec, word))
    if (gone?.dim === 'dynamic') return `${word} was removed; \`assay partitions ${gone.registry} add ${word}\` brings it back.`
    const hint = dimensions.some((spec) => hasValue(spec, word))
      ? undefined
      : didYouMean(
          word,
          dimensions.flatMap((spec) => valuesNear(spec, word)),
        )
    if (hint !== undefined) return hint
  }
  return undefined
}

const hasValue = (spec: DimensionSpec, word: string): boolean => spec.dim !== 'time' && indexOfValue(spec, word) !== undefined

function wasRemoved(spec: DimensionSpec & { dim: 'dynamic' }, word: string): boolean {
  const id = indexOfValue(spec, word)
  return id !== undefined && !contains(spec.held?.live ?? [], id)
}

/** Values of about the length of a word: of a million most need not be looked at. */
function valuesNear(spec: DimensionSpec, word: string): readonly string[] {
  if (spec.dim === 'time') return []
  const values = spec.dim === 'static' ? spec.values : Array.from(each(spec.held?.live ?? []), (id) => valueAt(spec, id) ?? '')
  return values.filter((value) => Math.abs(value.length - word.length) <= Math.max(1, word.length / 2))
}
