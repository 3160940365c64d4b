import { expect, it } from 'vitest'
import { openFolder } from './command-line.ts'

it('columns of one name each show their own values', async () => {
  const folder = await openFolder()
  try {
    await folder.write('package.json', '{ "type": "module" }')
    await folder.write('project.ts', '')
    const text = 'select 1 as a, 2 as a, 3 as b, 4 as A'
    const { stdout } = await folder.tell(['query', text, '--json'])
    const [row, result] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    if (row === undefined || result === undefined) throw new Error('a row and a result')
    const columns = result['columns'] as readonly { readonly name: string }[]
    const cells = row['row'] as Record<string, unknown>
    expect(columns.map(({ name }) => cells[name])).toEqual([1, 2, 3, 4])
    expect((await folder.tell(['query', text])).stdout).toMatch(/1\s+2\s+3\s+4/)
  } finally {
    await folder.remove()
  }
})
