/** The public names of Assay, one by one. Nothing inside `src/` imports this file. */
export { asset, externalAsset } from './assets/define-asset.ts'
export type { Asset, AssetOptions, BackfillPolicy, ExternalAsset, FreshnessPromise, RetryPolicy } from './assets/define-asset.ts'
export { history, merge } from './assets/write-mode.ts'
export type { History, Merge, WriteMode } from './assets/write-mode.ts'
export type { Check, CheckOptions, Checks, RowCheckOptions } from './checks/check.ts'
export { skip } from './computes/compute.ts'
export type { Compute, Handles, Input, Inputs, StepContext } from './computes/compute.ts'
export { duckdb } from './computes/duckdb-sql.ts'
export { typescript } from './computes/typescript.ts'
export { AssayError } from './errors.ts'
export { cron, daily, dynamic, hourly, monthly, product, staticPartitions, weekly } from './partitions/declare.ts'
export type {
  Daily,
  Dimension,
  DynamicPartitions,
  Partitions,
  ProductPartitions,
  StaticPartitions,
  TimeWindows,
  Unpartitioned,
  WindowOptions,
} from './partitions/declare.ts'
export { all, byTable, changed, last, perDimension, timeWindow } from './partitions/mapping.ts'
export type { Dep, Deps, DimensionRule, WindowOffsets } from './partitions/mapping.ts'
export type { PartitionOf, ValuePartition, WindowPartition } from './partitions/partition-of.ts'
export { defineProject } from './project/define-project.ts'
export type { Project, ProjectOptions } from './project/define-project.ts'
export { resource, swap } from './resources/resource.ts'
export type { Resource, ResourceOptions, Swap } from './resources/resource.ts'
export { Secret, secret } from './resources/secret.ts'
export { t } from './schema/column.ts'
export type { Column, Decimal, IsoDate, IsoTime, LocalDateTime, Row, Schema } from './schema/column.ts'
export { fromZod } from './schema/from-zod.ts'
export type { SchemaOf } from './schema/from-zod.ts'
export { Instant } from './schema/instant.ts'
export { sql } from './sql/template.ts'
export type { ColumnRef, Handle, Sql, TableRef } from './sql/template.ts'

import type { Row, Schema } from './schema/column.ts'

/** The row of an asset: `type Order = RowOf<typeof orders>`. */
export type RowOf<A extends { readonly schema: Schema }> = Row<A['schema']>
