import { expect, it } from 'vitest'
import project from '../../lakehouse/project.ts'
import { definitionOf } from '../../src/assets/define-asset.ts'
import { textOf } from '../repo/tree.ts'

/** All that is declared in the project and made by it. */
const made = (assets: object): number =>
  Object.values(assets).reduce<number>((sum, value: object) => {
    const definition = definitionOf(value)
    if (definition === undefined) return sum + made(value)
    return sum + (definition.kind === 'external' ? 0 : 1)
  }, 0)

it('what is written of the number of assets is so', () => {
  const told = (file: string, pattern: RegExp): number => Number(pattern.exec(textOf(file))?.[1])
  const count = made(project.assets)
  expect([
    told('README.md', /^(\d+) to run in/m),
    told('README.md', /board room: (\d+) /),
    told('bench/core.ts', /assets: (\d+) \}/),
  ]).toEqual([count, count, count])
})
