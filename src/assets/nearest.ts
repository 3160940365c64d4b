/**
 * The names that may have been meant, nearest first, at most three. Distance: Levenshtein, case folded; a name counts
 * as near when a third of its letters or fewer differ, or when one holds the other.
 */
function nearest(wanted: string, names: Iterable<string>): readonly string[] {
  const word = wanted.toLowerCase()
  return [...new Set(names)]
    .map((name) => ({ name, distance: distanceOf(word, name.toLowerCase()) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(Math.max(word.length, name.length) / 3)))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, 3)
    .map(({ name }) => name)
}

/** `Did you mean a or b?`, or undefined when nothing is near. */
export function didYouMean(wanted: string, names: Iterable<string>): string | undefined {
  const near = nearest(wanted, names)
  return near.length === 0 ? undefined : `Did you mean ${near.join(' or ')}?`
}

function distanceOf(a: string, b: string): number {
  if (a.length > 2 && b.endsWith(`.${a}`)) return 0
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
