/** What `assay explain CODE` prints, and what `docs/errors.md` holds. */
export interface CatalogueEntry {
  readonly title: string
  /** Why this is an error, in a sentence or two. */
  readonly why: string
  /** What to do next, where the case itself has nothing better to say. */
  readonly next: string
}

const entry = (title: string, why: string, next: string): CatalogueEntry => ({ title, why, next })

/**
 * Every error that Assay raises. 1xxx: the project and its definitions. 2xxx: tables, catalog, files. 3xxx: running.
 * 4xxx: the command line. 5xxx: data and checks. 9xxx: Assay itself. A code is never reused.
 */
export const CATALOGUE = {
  'ASSAY-1001': entry(
    'No project found',
    'Assay looks for the project file named by --project, by ASSAY_PROJECT, by "assay": { "project": … } in package.json, and then for ./project.ts.',
    'Run `assay init` in an empty folder, or name the file with --project.',
  ),
  'ASSAY-1002': entry(
    'The project could not be loaded',
    'A file of the project threw while it was imported.',
    'Mend the file named above; nothing was run.',
  ),
  'ASSAY-1003': entry(
    'The project file exports no project',
    'The default export of the project file must be what defineProject() returns.',
    'Write `export default defineProject({ name, assets: { … } })`.',
  ),
  'ASSAY-1004': entry(
    'An asset key is not valid',
    'A key is `layer.name`: two or more words of letters, digits and _, joined by dots.',
    'Rename the asset.',
  ),
  'ASSAY-1005': entry('Two assets have the same key', 'A key names one asset in the whole project.', 'Rename one of the two.'),
  'ASSAY-1006': entry(
    'The assets form a cycle',
    'An asset cannot be made from itself, also not by way of others.',
    'Take out one of the deps on the path shown.',
  ),
  'ASSAY-1007': entry(
    'An asset has no compute',
    'asset() declares what readers see; .from(deps, compute) says how it is made, once.',
    'Call `.from(…)` on it, or declare it with externalAsset().',
  ),
  'ASSAY-1008': entry('.from() was called twice', 'An asset is made in one way only.', 'Remove one of the two calls.'),
  'ASSAY-1009': entry(
    'A dep is not part of the project',
    'The asset it names is not among the assets given to defineProject().',
    'Add its module to `assets` in the project file.',
  ),
  'ASSAY-1010': entry(
    'The partitions of a dep do not line up',
    'The mapping of the dep does not lead from the partitions of this asset to those of the dep, or to some that can never exist.',
    'Wrap the dep in timeWindow(), perDimension(), byTable(), last() or all().',
  ),
  'ASSAY-1011': entry(
    'The definition of an asset is not valid',
    'A column cannot be expressed as an Iceberg type, or an option of the asset names a column that it does not have, or has a value that it cannot have.',
    'Mend the definition at the place shown.',
  ),
  'ASSAY-1012': entry(
    'A SQL error in a compute',
    'DuckDB refused the statement when it was bound against the columns of its inputs.',
    'Mend the SQL at the place shown.',
  ),
  'ASSAY-1013': entry(
    'The columns of a query differ from the schema',
    'The names and types that the query yields must be those that the asset declares.',
    'Change the query or the schema, so that the two agree.',
  ),
  'ASSAY-1014': entry(
    'An undeclared dep or column was used',
    'A compute can read only what is named in its deps, and of each dep only the columns that it declares.',
    'Add the dep to .from({ … }), or mend the name.',
  ),
  'ASSAY-1015': entry(
    'Definitions import each other in a ring',
    'Two files need each other while they are being loaded, so one sees a constant that is not there yet.',
    'Move what both need into a third file.',
  ),
  'ASSAY-1016': entry(
    'A partition definition is not valid',
    'start and end are local times at which a window begins, end lies after start, and the column named with on() has a type that can hold the window.',
    'Mend the definition.',
  ),
  'ASSAY-1017': entry(
    'A setting is not valid',
    'An environment variable or option has a value that Assay cannot use.',
    'Correct the value.',
  ),
  'ASSAY-1018': entry(
    'The project has no such profile',
    'A profile is a set of resources that defineProject() names; local is always there.',
    'Choose one of those that are named, or add it to the profiles of the project.',
  ),
  'ASSAY-1019': entry(
    'The settings of a resource are not valid',
    'A resource reads its settings from the environment and from assay.settings.json when a compute first uses it.',
    'Set what is missing. Secrets belong into the environment or into a file that it names.',
  ),
  'ASSAY-1020': entry(
    'Two resources have the same name',
    'The name of a resource says which settings it gets and what stands for it in a profile, so it is unique.',
    'Rename one of them.',
  ),
  'ASSAY-1021': entry(
    'The outputs of a compute do not go together',
    'What one compute makes together has the same partitions, tries and steps, lies in the same project, and none of it reads another.',
    'Change the assets or the compute at the place shown, or give one of them a compute of its own.',
  ),
  'ASSAY-1022': entry(
    'There is no such option',
    'An asset was given an option that Assay does not know, and that would do nothing.',
    'Take it out, or spell it as `AssetOptions` has it.',
  ),
  'ASSAY-1041': entry(
    'An option is not carried out yet',
    'This version of Assay knows the option, but does nothing with it yet. To pass over it would promise what does not happen.',
    'Take the option out.',
  ),
  'ASSAY-1042': entry(
    'A write mode does not fit the asset',
    'How rows are written has to agree with the key, the columns, the partitions and the compute of the asset.',
    'Mend the definition at the place shown.',
  ),

  'ASSAY-2001': entry(
    'The warehouse or its catalog cannot be written',
    'Assay could not create or write files below the warehouse folder, or rows of the catalog.',
    'Check that the place named exists, that you may write there, and that it is not read-only.',
  ),
  'ASSAY-2002': entry(
    'The disk is full',
    'A file could not be written to its end. Nothing was published; readers see the last good snapshot.',
    'Free some space and run the same command again.',
  ),
  'ASSAY-2003': entry(
    'A table metadata file is corrupt',
    'The file that the catalog points to is not Iceberg table metadata.',
    'Restore the file, or point the catalog back to the previous metadata file.',
  ),
  'ASSAY-2004': entry(
    'A table uses something that Assay cannot read',
    'Reading on would give a wrong answer, so Assay stops.',
    'Rewrite the table with the engine that wrote it, without the feature named.',
  ),
  'ASSAY-2005': entry(
    'A file of a table is missing or corrupt',
    'Metadata names a file that is not there, or that is not what it should be.',
    'Restore the file, or materialize the partition again with --force.',
  ),
  'ASSAY-2006': entry(
    'The table moved while it was being published',
    'Another writer changed the same partitions after this step had read the table.',
    'Run the same command again; it starts from the new state.',
  ),
  'ASSAY-2007': entry(
    'The schema does not follow from the history of the table',
    'Iceberg allows adding and dropping columns, making them nullable, and widening int to long, float to double and decimals; nothing else.',
    'Choose an allowed change, or give the asset a new key.',
  ),
  'ASSAY-2008': entry(
    'No such table',
    'The catalog has no table of this name.',
    'Materialize the asset first, or check the name with `assay ls`.',
  ),
  'ASSAY-2009': entry(
    'No such snapshot',
    'The table has no snapshot of this id, time, branch or tag; it may have been expired.',
    'List the snapshots with `assay show <asset>`.',
  ),
  'ASSAY-2010': entry(
    'The catalog cannot be opened',
    'The Iceberg catalog, a SQLite file or a PostgreSQL database, is not there, is no catalog, refuses Assay, or is locked by another engine.',
    'Check ASSAY_CATALOG and the reason given; close the other engine, or restore the file.',
  ),
  'ASSAY-2011': entry(
    'The partitioning differs from that of the table',
    'Rows of the table are laid out by another partition spec, so that partitions cannot be overwritten one by one.',
    'Give the asset a new key, or go back to the partitioning that the table has.',
  ),
  'ASSAY-2031': entry(
    'A branch or tag cannot be changed so',
    'The change would lose snapshots without saying so, or go against what the branch or tag is. Nothing was changed.',
    'List the refs of the table with `assay query "select * from <table>.refs"`.',
  ),
  'ASSAY-2032': entry(
    'Snapshots between two versions are not appends',
    'What was added between the two is not all that happened: rows that were there before were changed or removed.',
    'Compare the two versions instead: `assay diff <asset> --from A --to B`.',
  ),
  'ASSAY-2033': entry(
    'The table does not let its snapshots expire',
    'Its property gc.enabled is false: other tables may share its files, so none may be removed.',
    'Set gc.enabled to true when no other table uses its files.',
  ),

  'ASSAY-3001': entry(
    'The store is in use',
    'Another assay is writing to this project. Commands that only read work beside it.',
    'Wait for it to end, or stop it.',
  ),
  'ASSAY-3002': entry(
    'The worker was lost',
    'The process that ran the step ended before it answered.',
    'See `assay logs`; then `assay retry`.',
  ),
  'ASSAY-3003': entry(
    'The compute of an asset threw',
    'The exception came from the code of the asset.',
    'Mend the code at the place shown, then `assay retry`.',
  ),
  'ASSAY-3004': entry(
    'Upstream partitions are missing',
    'The asset reads partitions that were never made and are not part of this plan.',
    'Select upstream too: `assay materialize +<asset>`.',
  ),
  'ASSAY-3005': entry(
    'The compute yielded nothing that could be stored',
    'An asset with a schema needs rows or a relation from its compute.',
    'Yield rows with row({ … }), or return sql`…`.',
  ),
  'ASSAY-3006': entry('No such run', 'The store has no run of this id.', 'List the runs with `assay logs`.'),
  'ASSAY-3007': entry(
    'The metadata store cannot be opened',
    'The SQLite file is not a store of Assay, or was written by a newer version.',
    'Use the version that wrote it, or move the file away to start anew; the tables stay.',
  ),
  'ASSAY-3008': entry(
    'A SQL statement failed while it ran',
    'DuckDB stopped the query of the compute on the data at hand.',
    'Mend the SQL or the data, then `assay retry`.',
  ),
  'ASSAY-3009': entry(
    'The run was interrupted',
    'It was stopped before all steps had ended. What was published stays.',
    'Continue it with `assay retry`.',
  ),
  'ASSAY-3010': entry('No such plan', 'Plans are kept when `assay plan` has shown them, the last hundred.', 'Make one with `assay plan`.'),
  'ASSAY-3011': entry(
    'The plan is outdated',
    'What would run now is not what the plan shows: code, data or the clock have moved on. Nothing was run.',
    'Look at the new plan with `assay plan`, then apply that one.',
  ),
  'ASSAY-3012': entry(
    'A file of the project has changed since the plan',
    'A step runs the code that its run was planned with. A file was changed before a worker imported it, so the rows would be those of other code than the one recorded.',
    'Run the same command again.',
  ),
  'ASSAY-3013': entry(
    'A version function returned no version',
    'The version of an external asset is a text of up to 1,000 characters; of one with partitions, a text by the key of each that is there.',
    'Return a text, such as a hash or a time of change, or undefined where nothing is there.',
  ),
  'ASSAY-3041': entry(
    'A test does not give what an asset asks for',
    'materialize() of assay/testing reads no tables and opens no resources: rows and fakes come from the test, and only for what the asset reads.',
    'Add given(asset, rows) for each dep with columns, and fake(resource, value) for each resource.',
  ),
  'ASSAY-3045': entry(
    'A step took too long',
    'The asset names a timeout, and the attempt had not ended by then. Its worker was ended with all that it had started; nothing was published.',
    'See `assay logs` for how far it came; raise the timeout of the asset, or make less at once with backfill.partitionsPerStep.',
  ),

  'ASSAY-4001': entry('Unknown command', 'There is no such command.', 'See `assay --help`.'),
  'ASSAY-4002': entry('Unknown option or missing argument', 'The command was not understood.', 'See `assay <command> --help`.'),
  'ASSAY-4003': entry('Unknown asset', 'No asset of the project has this key.', 'List them with `assay ls`.'),
  'ASSAY-4004': entry(
    'Unknown partition',
    'The key is not a partition of the selected assets, or no value of the registry.',
    'See the partitions with `assay partitions <asset>`.',
  ),
  'ASSAY-4005': entry('Unknown error code', 'The catalogue has no such code.', 'All codes are in docs/errors.md.'),
  'ASSAY-4006': entry('The query failed', 'DuckDB refused or stopped the statement.', 'Mend the statement.'),
  'ASSAY-4007': entry(
    'The folder already holds a project',
    '`assay init` writes only files that are not there yet.',
    'Run it in an empty folder.',
  ),
  'ASSAY-4008': entry(
    'The selection cannot be read',
    'A selection is made of names with wildcards, key: group: tag: owner: kind: status: column:, +x, x+, 2+x+1, and, or, not, roots(…), sinks(…) and brackets.',
    'Mend it at the mark.',
  ),
  'ASSAY-4009': entry(
    'No such environment, or not a name for one',
    'An environment is made before it is used. Its name has small letters, digits and single underscores, and begins with a letter.',
    'List them with `assay env ls`.',
  ),
  'ASSAY-4010': entry(
    'Not in an environment',
    'The tables of an environment stand on the files of `main`: what rearranges or removes files, or changes what all share, is done there.',
    'Leave out --env and ASSAY_ENV.',
  ),

  'ASSAY-5001': entry(
    'A blocking check failed',
    'The staged rows do not hold what the asset promises. They were not published; readers stay on the last good snapshot.',
    'Look at the rows shown; mend the data or the check, then `assay retry`.',
  ),
  'ASSAY-5002': entry(
    'A row lies outside the partitions being written',
    'The compute was asked for certain partitions and yielded a row of another.',
    'In SQL, filter by partition.start and partition.end; in TypeScript, yield rows of context.partitions only.',
  ),
  'ASSAY-5003': entry(
    'A value does not fit its column',
    'A row holds a value that the declared type cannot take.',
    'Convert the value, or widen the column.',
  ),
  'ASSAY-5004': entry(
    'A source file lacks a column',
    'The file does not have a column that the asset reads.',
    'Restore the file, or change the columns that are read.',
  ),
  'ASSAY-5005': entry(
    'A source record is malformed',
    'The record could not be parsed.',
    'Correct the record, or let the asset quarantine such rows.',
  ),
  'ASSAY-5006': entry('A check could not run', 'The check itself failed, which is never a pass.', 'Mend the SQL of the check.'),
  'ASSAY-5007': entry(
    'The source of a merge is not fit to be merged',
    'A merge needs to know for each row of the source which row of the table it is about: keys are not null and occur once, and history is added at its end.',
    'Mend the query: leave out rows without a key, and choose one row where a key occurs twice.',
  ),
  'ASSAY-5041': entry(
    'Rows would be added twice',
    'The asset appends, and partitions whose rows it has added have changed since. To add them again would count them twice, to pass over them would leave the change out.',
    'Take back what has changed, or what was added, with assay rollback. Where rows change for good, give the asset a key and write it with merge().',
  ),

  'ASSAY-9001': entry('Assay failed unexpectedly', 'This is a defect of Assay.', 'Run again with --trace and report what it prints.'),
} as const satisfies Record<string, CatalogueEntry>

export type ErrorCode = keyof typeof CATALOGUE
