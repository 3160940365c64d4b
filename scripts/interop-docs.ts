/** `node scripts/interop-docs.ts` writes docs/interop.md from the cases that the tests of engines hold; tests/repo keeps the two equal. */
import { writeFileSync } from 'node:fs'
import type { Case, EngineName, Refusal } from '../tests/engines/iceberg/case.ts'
import { CASES } from '../tests/engines/iceberg/cases.ts'
import { OF_PYICEBERG } from '../tests/engines/iceberg/cases/pyiceberg.ts'
import { OF_SPARK } from '../tests/engines/iceberg/cases/spark.ts'
import type { ForeignCase } from '../tests/engines/iceberg/foreign.ts'
import { chdb } from './engines/chdb.ts'
import { duckdbIceberg } from './engines/duckdb-iceberg.ts'
import { pyiceberg } from './engines/pyiceberg.ts'
import { spark } from './engines/spark.ts'

const ENGINES: readonly { readonly name: EngineName; readonly title: string; readonly what: string; readonly finds: string }[] = [
  { name: 'spark', title: 'Spark', what: spark.what, finds: 'by the SQL catalog' },
  { name: 'pyiceberg', title: 'PyIceberg', what: pyiceberg.what, finds: 'by the SQL catalog' },
  { name: 'chdb', title: 'ClickHouse', what: chdb.what, finds: 'by the metadata file' },
  { name: 'duckdb-iceberg', title: 'DuckDB', what: duckdbIceberg.what, finds: 'by the metadata file' },
]

const INTRO = `# Other engines on the same tables

Tables that Assay writes are read by others, and tables that others write are read by Assay, in place: both sides open the same
SQL catalog, or the same metadata file. Each line below is a table of its own. Every cell of every row is compared with what is
known from elsewhere; some tables are read under conditions too, so that a file which was left out wrongly is found. What an
engine refuses or reads otherwise is tested as well: when that changes, the test fails, and this page with it. Another test lets
Spark, PyIceberg and Assay append to one table at once, ten times, and finds every row.

\`npm run test:engines -- iceberg\` installs the engines under \`.engines/\` (2 GB) and runs all of it in about five minutes;
\`--smoke\` a few cases with the lighter two. \`node scripts/interop-docs.ts\` writes this page.
`

/** The text of docs/interop.md. */
export function interopDocs(): string {
  const engines = ENGINES.map(({ title, what, finds }) => `| ${title} | ${what} | ${finds} |`)
  return [
    INTRO,
    ['| engine | tested | finds tables |', '|---|---|---|', ...engines, ''].join('\n'),
    written(),
    ['## They write, Assay reads', '', FOREIGN, '', ...foreign('Spark', OF_SPARK), '', ...foreign('PyIceberg', OF_PYICEBERG), ''].join(
      '\n',
    ),
  ].join('\n')
}

const FOREIGN = `"and goes on": Assay then appends rows and deletes others by position, and both sides read the result.`

function written(): string {
  const whys = [...new Set(CASES.flatMap((one) => Object.values(one.refused ?? {}).map((refusal) => refusal.why)))]
  const mark = (refusal: Refusal | undefined): string =>
    refusal === undefined ? '✓' : `${'says' in refusal ? 'refused' : 'differs'} (${whys.indexOf(refusal.why) + 1})`
  const row = (one: Case): string => `| ${one.name} | ${ENGINES.map(({ name }) => mark(one.refused?.[name])).join(' | ')} |`
  const groups = [...Map.groupBy(CASES, (one) => one.group)].flatMap(([group, cases]) => [
    `### ${group[0]?.toUpperCase()}${group.slice(1)}`,
    '',
    `| | ${ENGINES.map(({ title }) => title).join(' | ')} |`,
    `|---${'|---'.repeat(ENGINES.length)}|`,
    ...cases.map(row),
    '',
  ])
  return [
    '## Assay writes, they read',
    '',
    ...groups,
    ...whys.map((why, i) => `${i + 1}. ${why[0]?.toUpperCase()}${why.slice(1)}.`),
    '',
  ].join('\n')
}

const foreign = (writer: string, cases: readonly ForeignCase[]): readonly string[] => [
  `| by ${writer} | |`,
  '|---|---|',
  ...cases.map(({ name, refused, goesOn }) => `| ${name} | ${outcome(refused, goesOn)} |`),
]

function outcome(refused: string | undefined, goesOn: unknown): string {
  if (refused !== undefined) return 'refused by Assay (`ASSAY-2004`)'
  return goesOn === undefined ? '✓' : '✓ and goes on'
}

if (import.meta.main) writeFileSync(new URL('../docs/interop.md', import.meta.url), interopDocs())
