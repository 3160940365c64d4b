import { AssayError } from '../errors.ts'
import type { DataFile, PartitionTuple } from './data-file.ts'
import { contentOf, type LeanEntry, numberOf, pairsOf } from './manifests.ts'
import type { TableMetadata } from './metadata.ts'

/** A file that takes rows from data files. */
export interface DeleteFile {
  readonly kind: 'position' | 'equality' | 'vector'
  readonly path: string
  /** Bytes that are read of it. */
  readonly size: number
  readonly rows: number
  readonly sequenceNumber: number
  /** See {@link partitionKey}. */
  readonly partition: string
  /** Of an unpartitioned spec: by equality it takes from all partitions. */
  readonly isGlobal: boolean
  /** Columns by which rows are compared. */
  readonly equalityIds: readonly number[]
  /** The one data file that it takes from, where that is known; see {@link comparable}. */
  readonly target: string | undefined
  /** Between these lie the paths of the data files that it takes from. */
  readonly targets: { readonly lower: string; readonly upper: string } | undefined
  /** Where in the file a deletion vector begins. */
  readonly offset: number
}

/** A data file as planning compares it with delete files. */
export interface Target {
  readonly file: DataFile
  /** Its path as {@link comparable} spells it. */
  readonly uri: string
  readonly sequenceNumber: number
}

/** Field id of the column of position deletes that names the data file. */
export const FILE_PATH_ID = 2147483546
/** Field id of the column of position deletes that counts its rows from 0. */
export const POSITION_ID = 2147483545

/** One spelling of `file:/x`, `file:///x` and `/x`. Delete files name data files as their writer did; `deletes` does the same in SQL. */
export const comparable = (path: string): string => path.replace(/^file:(\/\/)?\//i, '/')

/** Partitions are the same when spec and values are. */
export const partitionKey = ({ specId, partition }: { readonly specId: number; readonly partition: PartitionTuple }): string =>
  `${specId} ${JSON.stringify(Object.values(partition))}`

/** @throws ASSAY-2004 for formats that are not read; ASSAY-2005 */
export function deleteFileOf(metadata: TableMetadata, entry: LeanEntry): DeleteFile {
  const { file, fields } = entry
  const format = String(fields['file_format']).toUpperCase()
  const isVector = format === 'PUFFIN'
  if (!isVector && format !== 'PARQUET') {
    throw new AssayError('ASSAY-2004', `The table at ${metadata.location} has delete files in the format ${format}, such as ${file.path}`)
  }
  const isEquality = contentOf(fields) === 'equality deletes'
  const referenced = fields['referenced_data_file']
  const target = typeof referenced === 'string' ? comparable(referenced) : undefined
  if (isVector && (target === undefined || isEquality)) {
    throw new AssayError('ASSAY-2005', `${file.path} is a deletion vector that names no data file`)
  }
  const spec = metadata.specs.find((known) => known['spec-id'] === file.specId)
  return {
    kind: isVector ? 'vector' : isEquality ? 'equality' : 'position',
    path: file.path,
    size: isVector ? numberOf(fields['content_size_in_bytes'], 0) : file.size,
    rows: file.rows,
    sequenceNumber: entry.sequenceNumber ?? 0,
    partition: partitionKey(file),
    isGlobal: spec?.fields.every((field) => field.transform === 'void') ?? false,
    equalityIds: isEquality ? equalityIdsOf(entry) : [],
    target,
    targets: isVector || isEquality ? undefined : targetsOf(entry),
    offset: numberOf(fields['content_offset'], 0),
  }
}

function equalityIdsOf({ file, fields }: LeanEntry): readonly number[] {
  const ids = fields['equality_ids']
  const numbers = Array.isArray(ids) ? ids.map(Number).toSorted((a, b) => a - b) : []
  if (numbers.length === 0) throw new AssayError('ASSAY-2005', `${file.path} deletes by equality and names no columns`)
  return numbers
}

/** Writers cut long bounds, so they say between what the paths lie, not what they are. */
function targetsOf(entry: LeanEntry): DeleteFile['targets'] {
  const metrics = entry.metrics()
  const [lower, upper] = ['lower_bounds', 'upper_bounds'].map((name) => pairsOf(metrics[name]).get(FILE_PATH_ID))
  if (!(lower instanceof Uint8Array) || !(upper instanceof Uint8Array)) return undefined
  return { lower: comparable(Buffer.from(lower).toString()), upper: comparable(Buffer.from(upper).toString()) }
}

/**
 * Which deletes apply to a data file: by sequence number, partition and path. A deletion vector replaces position deletes.
 * Source: table specification, "Scan Planning".
 */
export function deletesOf(deletes: readonly DeleteFile[]): (target: Target) => readonly DeleteFile[] {
  if (deletes.length === 0) return () => []
  const aimed = Map.groupBy(
    deletes.filter((file) => file.target !== undefined),
    (file) => file.target,
  )
  const others = deletes.filter((file) => file.target === undefined)
  const byPartition = Map.groupBy(others, (file) => (file.kind === 'equality' && file.isGlobal ? '' : file.partition))
  return (target) => {
    const key = partitionKey(target.file)
    const near = [...(aimed.get(target.uri) ?? []), ...(byPartition.get(key) ?? []), ...(byPartition.get('') ?? [])]
    const found = near.filter((file) => applies(file, target, key))
    const vectors = found.filter((file) => file.kind === 'vector')
    if (vectors.length > 1)
      throw new AssayError('ASSAY-2005', `${target.file.path} has ${vectors.length} deletion vectors, which is one too many`)
    return vectors.length === 0 ? found : found.filter((file) => file.kind !== 'position')
  }
}

function applies(file: DeleteFile, { uri, sequenceNumber }: Target, partition: string): boolean {
  if (file.kind === 'equality') return sequenceNumber < file.sequenceNumber && (file.isGlobal || file.partition === partition)
  if (sequenceNumber > file.sequenceNumber || file.partition !== partition) return false
  if (file.target !== undefined) return file.target === uri
  return file.targets === undefined || (inOrder(file.targets.lower, uri) && inOrder(uri, file.targets.upper))
}

/** By their bytes, as bounds are. */
const inOrder = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) <= 0
