/**
 * The layers of ARCHITECTURE.md, lowest row first. A file imports its own folder and LOWER rows; row-mates are strangers.
 * Type imports count. This sees nothing under TypeScript 7, hence `typescript` 6 beside it; tests/repo/layers.test.ts plants
 * breaches and sees each of these rules fail.
 */
const ROWS = [
  ['src/error(s|-catalogue)\\.ts$'],
  ['src/keys\\.ts$', 'src/clock\\.ts$', 'src/log\\.ts$', 'src/call-site\\.ts$', 'src/folders\\.ts$', 'src/node-flags\\.ts$'],
  ['src/schema/', 'src/config\\.ts$'],
  ['src/sql/', 'src/partitions/'],
  ['src/iceberg/', 'src/storage/', 'src/resources/'],
  ['src/computes/', 'src/checks/', 'src/sensors/'],
  ['src/assets/'],
  ['src/project/'],
  ['src/tables/'],
  ['src/streams/'],
  ['src/runs/'],
  ['src/daemon/', 'src/ui-server/'],
  ['src/cli/'],
]
const TOP = ['src/index\\.ts$', 'src/testing\\.ts$']

/** What may be imported in one place only: libraries, and Node's own SQLite. */
const HOMES = [
  ['@duckdb/node-api', ['src/resources/duckdb']],
  ['avsc', ['src/iceberg/avro\\.ts$']],
  ['graphology', ['src/assets/asset-graph\\.ts$']],
  ['graphology-[a-z]+', ['src/assets/asset-graph\\.ts$']],
  ['pg', ['src/resources/postgres\\.ts$']],
  ['acorn', ['src/project/module-syntax\\.ts$']],
]
const SQLITE_HOMES = ['src/storage/sqlite[-a-z]*\\.ts$', 'src/iceberg/catalogs/sqlite-database\\.ts$']

const HOMELESS = 'Add its folder to a row, here and in ARCHITECTURE.md.'

const from = (paths) => paths.map((path) => `^${path}`)
const forbid = (name, comment, fromPart, toPart) => ({ name, comment, severity: 'error', from: fromPart, to: toPart })

const layers = ROWS.flatMap((row, at) =>
  row.map((self) =>
    forbid(
      `layer ${self.replace(/\\|\$$/g, '')}`,
      'A file imports its own folder and the rows below it.',
      { path: `^${self}` },
      { path: '^src/', pathNot: from([self, ...ROWS.slice(0, at).flat()]) },
    ),
  ),
)

const home = (library, files, path) =>
  forbid(`only one file uses ${library}`, 'One third-party library, one file.', { path: '^src/', pathNot: from(files) }, { path })

module.exports = {
  forbidden: [
    forbid('no cycle', 'Move what both need into a third file.', {}, { circular: true }),
    ...layers,
    forbid('every file belongs to a layer', HOMELESS, { path: '^src/', pathNot: from([...ROWS.flat(), ...TOP]) }, {}),
    forbid('every file belongs to a layer', HOMELESS, {}, { path: '^src/', pathNot: from([...ROWS.flat(), ...TOP]) }),
    forbid('the public face stays on top', 'index.ts and testing.ts are for users.', { path: '^src/' }, { path: from(TOP) }),
    forbid(
      'the browser sees only the contract',
      'src/ui-server/contract.ts is shared; nothing else.',
      { path: '^src/ui-server/web/' },
      { path: '^src/', pathNot: ['^src/ui-server/web/', '^src/ui-server/contract\\.ts$'] },
    ),
    forbid(
      'projects use the public name',
      "lakehouse/ imports 'assay' as any user would.",
      { path: '^(lakehouse|examples)/' },
      { path: '^src/', pathNot: from(TOP) },
    ),
    forbid(
      'the package stands alone',
      'src/ is what is published.',
      { path: '^src/' },
      { path: '^(lakehouse|examples|tests|scripts|bench|bin)/' },
    ),
    forbid(
      'no development dependency in src',
      'It is not there when the package is installed.',
      { path: '^src/', pathNot: '^src/ui-server/web/' },
      { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/(graphology-types|pg|@types/pg)/' },
    ),
    forbid('every import resolves', 'The file or package is not there.', {}, { couldNotResolve: true }),
    ...HOMES.map(([library, files]) => home(library, files, `node_modules/(@types/)?${library}/`)),
    home('node:sqlite', SQLITE_HOMES, '^(node:)?sqlite$'),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['assay-source', 'types', 'node', 'import', 'default'] },
    builtInModules: { add: ['node:sqlite', 'node:test'] },
  },
}
