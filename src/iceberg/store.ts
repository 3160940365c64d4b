/** A file to be written. */
export interface NewFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** A file that lies in a store. */
export interface StoredFile {
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly modified: number
}

/**
 * Where the bytes of tables lie. Paths are what metadata holds: absolute paths or URIs, also spelt by other engines
 * (`file:/x`, `file:///x`, `/x` are one place). Every implementation passes `tests/conformance/store`.
 */
export interface Store {
  /** The one spelling by which two paths are compared, and that DuckDB can open. */
  normalise(path: string): string
  /** @throws ASSAY-2005 when there is no such file. */
  read(path: string): Promise<Uint8Array>
  /** Creates a file that is durable (file and folder synced) when the promise resolves. Fails if it exists. @throws ASSAY-2001, ASSAY-2002 */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** Makes a folder and those above it, durably, where they are not there yet. @throws ASSAY-2001, ASSAY-2002 */
  makeFolder(path: string): Promise<void>
  /** Makes files that another writer (the SQL engine) has written durable, and their folders up to `root`. */
  sync(paths: readonly string[], root: string): Promise<void>
  /** All files in a folder and in those below it, in no order; none where there is no such folder. */
  list(folder: string): Promise<readonly StoredFile[]>
  exists(path: string): Promise<boolean>
  /** Removes a file or a folder with all in it; no error if absent. */
  remove(path: string): Promise<void>
}

/** Removes files and folders, all that can be. Nothing is being removed any more when this ends, also where one failed. @throws what the first that failed threw */
export async function removeAll(store: Store, paths: readonly string[]): Promise<void> {
  const results = await Promise.allSettled(paths.map((path) => store.remove(path)))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

/** Writes files at once, all or none: where one fails, those that were written go again, as far as they can be removed. @throws what the first that failed threw */
export async function writeAll(store: Store, files: readonly NewFile[]): Promise<void> {
  const results = await Promise.allSettled(files.map((file) => store.write(file.path, file.bytes)))
  const failed = results.find((result) => result.status === 'rejected')
  if (failed === undefined) return
  // What failed first says more than a removal that fails too.
  await removeAll(
    store,
    files.map((file) => file.path),
  ).catch(() => {})
  throw failed.reason
}
