import type { AssetDefinition } from '../assets/define-asset.ts'
import type { AssetSpec } from '../assets/spec.ts'
import type { StepContext } from '../computes/compute.ts'
import type { Store } from '../iceberg/store.ts'
import type { LoadedManifest } from '../project/manifest.ts'
import type { SqlSession } from '../sql/engine.ts'

/** What a step is executed with. */
export interface StepEnvironment {
  readonly loaded: LoadedManifest
  readonly store: Store
  /** A fresh session for each call. */
  readonly session: () => Promise<SqlSession>
  /** The definition of an asset, with the user's function. */
  readonly definition: (spec: AssetSpec) => Promise<AssetDefinition>
  readonly log: StepContext['log']
  readonly use: StepContext['use']
}
