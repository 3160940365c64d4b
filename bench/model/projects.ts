import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../..')

/** Writes a project that imports 'assay' as any user would; project files come out of the functions below. */
export async function writeProject(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(join(folder, 'node_modules'), { recursive: true })
  await symlink(ROOT, join(folder, 'node_modules/assay'))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}

/** Layers of a hundred assets that each read two of the layer before, nothing else said of them, in one module. */
export const layeredProject = (layers: number): ReadonlyMap<string, string> =>
  new Map([
    [
      'project.ts',
      `import { asset, defineProject, typescript } from 'assay'

const assets: Record<string, object> = {}
let above: { readonly [name: string]: ReturnType<typeof asset> }[] = []
const pick = (i: number) => above[i] as never
for (let layer = 0; layer < ${layers}; layer++) {
  const row: object[] = []
  for (let i = 0; i < 100; i++) {
    const made = asset(\`layer\${layer}.a\${i}\`, {})
    made.from(layer === 0 ? {} : { left: pick(i), right: pick((i + 37) % 100) }, typescript(() => {}))
    assets[\`a\${layer}_\${i}\`] = made
    row.push(made)
  }
  above = row as never
}
export default defineProject({ name: 'layers', assets })
`,
    ],
  ])

/** Modules in each layer of the project below, and assets in each module. */
const BREADTH = 100
const PER_MODULE = 10

/** Modules of ten assets, each with six columns and a statement of its own over two assets of the layer before. */
export function sqlProject(modules: number): ReadonlyMap<string, string> {
  const breadth = Math.min(BREADTH, modules)
  const fileOf = (module: number): string => `layer${Math.floor(module / breadth)}/module${module}.ts`
  const files = new Map(Array.from({ length: modules }, (_, module) => [fileOf(module), sqlModule(module, breadth, fileOf)]))
  const numbers = [...files.keys()].keys().toArray()
  const imports = numbers.map((module) => `import * as module${module} from './${fileOf(module)}'`).join('\n')
  const names = numbers.map((module) => `module${module}`).join(', ')
  return files.set(
    'project.ts',
    `import { defineProject } from 'assay'\n${imports}\nexport default defineProject({ name: 'sql', assets: { ${names} } })\n`,
  )
}

const SCHEMA =
  '{ id: t.long(), name: t.string().nullable(), seen: t.timestamptz().nullable(), amount: t.decimal(18, 2).nullable(), kind: t.string().nullable(), n: t.long().nullable() }'

function sqlModule(module: number, breadth: number, fileOf: (module: number) => string): string {
  const above = module - breadth
  const read = above < 0 ? [] : [above, Math.floor(above / breadth) * breadth + ((above * 7 + 1) % breadth)]
  const imports = [...new Set(read)].map((of) => {
    const names = Array.from({ length: PER_MODULE }, (_, i) => `a${of * PER_MODULE + i}`).join(', ')
    return `import { ${names} } from '../${fileOf(of)}'\n`
  })
  const assets = Array.from({ length: PER_MODULE }, (_, i) => {
    const number = module * PER_MODULE + i
    const [left = 0, right = 0] = [(read[0] ?? 0) * PER_MODULE + i, (read[1] ?? 0) * PER_MODULE + ((i + 3) % PER_MODULE)]
    const made = read.length === 0 ? firstLayer(number) : joined(number, `a${left}`, `a${right}`)
    return `
export const a${number} = asset('layer${Math.floor(module / breadth)}.a${number}', {
  description: 'Asset ${number}.',
  schema: ${SCHEMA},
})
a${number}.from(${made})
`
  })
  return `import { asset, duckdb, sql, t } from 'assay'\n${imports.join('')}${assets.join('')}`
}

const firstLayer = (number: number): string => `{}, duckdb(() => sql\`
  select i as id, 'n' || i as name, now() as seen, (i / 100)::decimal(18, 2) as amount, 'k${number}' as kind, i % 7 as n
  from range(100) r(i)\`)`

const joined = (
  number: number,
  left: string,
  right: string,
): string => `{ ${left}, ${right} }, duckdb(({ ${left}: l, ${right}: r }) => sql\`
  with recent as (
    select \${l.id} as id, \${l.name} as name, \${l.seen} as seen, \${l.amount} as amount, \${l.n} as n
    from \${l} where \${l.kind} <> 'none'
  )
  select a.id, coalesce(a.name, \${r.name}) as name, greatest(a.seen, \${r.seen}) as seen,
    sum(a.amount)::decimal(18, 2) as amount, any_value(\${r.kind}) as kind, count(*) as n
  from recent a join \${r} on \${r.id} = a.id
  where \${r.n} > ${number}
  group by 1, 2, 3\`)`

/** Changes one statement of the project above, so that it says something new. */
export async function editSqlProject(folder: string, run: number): Promise<void> {
  const file = join(folder, 'layer3/module305.ts')
  const text = await readFile(file, 'utf8')
  await writeFile(
    file,
    text.replace(/> \d+(?: \+ \d+)?\n/, (found) => `${found.replace(/ \+ \d+/, '').trimEnd()} + ${run}\n`),
  )
}

/** Assets of twenty columns, five in a file, half of them SQL, each over two before it. */
export function typedProject(assets: number): ReadonlyMap<string, string> {
  const kinds = ['t.long()', 't.string()', 't.timestamptz()', 't.decimal(18, 2)', 't.double().nullable()']
  const schema = Array.from({ length: 20 }, (_, i) => `c${i}: ${kinds[i % kinds.length]}`).join(', ')
  const files = new Map<string, string>()
  for (let first = 0; first < assets; first += 5) {
    const own = Array.from({ length: Math.min(5, assets - first) }, (_, i) => first + i)
    const outside = [...new Set(own.flatMap((n) => [n - 7, n - 31]))].filter((n) => n >= 0 && n < first)
    const imports = outside.map((n) => `import { a${n} } from './f${Math.floor(n / 5)}.ts'\n`).join('')
    files.set(
      `f${first / 5}.ts`,
      `import { asset, duckdb, sql, t, typescript } from 'assay'\n${imports}${own.map((n) => typedAsset(n, schema)).join('')}`,
    )
  }
  return files
}

function typedAsset(number: number, schema: string): string {
  const deps = [number - 7, number - 31].filter((n) => n >= 0).map((n) => `a${n}`)
  const names = deps.join(', ')
  const head = `
export const a${number} = asset('x.a${number}', {
  schema: { ${schema} },
  key: ['c0'],
  checks: (c) => [c.c0.unique(), c.c3.between(0, 10), c.c4.between(0, 1, { mostly: 0.9 }), c.c1.unique(), c.c5.between(0, 9), c.$rows.count.between(1, 9)],
})
`
  const columns = Array.from({ length: 20 }, (_, i) => `\${${deps[0]}.c${i}}`).join(', ')
  if (number % 2 === 0 && deps.length > 0)
    return `${head}a${number}.from({ ${names} }, duckdb(({ ${deps[0]} }) => sql\`select ${columns} from \${${deps[0]}}\`))\n`
  const copy = Array.from({ length: 20 }, (_, i) => `c${i}: one.c${i}`).join(', ')
  if (deps.length > 0)
    return `${head}a${number}.from({ ${names} }, typescript(async function* ({ ${deps[0]} }, row) {
  for await (const one of ${deps[0]}.rows()) yield row({ ${copy} })
}))\n`
  return `${head}a${number}.from({}, typescript(async function* () {}))\n`
}
