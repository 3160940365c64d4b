import type { AssetDefinition } from '../assets/define-asset.ts'
import { assetGraph, findCycles, type GraphNode, topologicalOrder } from '../assets/asset-graph.ts'
import { didYouMean } from '../assets/nearest.ts'
import { AssayError } from '../errors.ts'
import type { Dep } from '../partitions/mapping.ts'
import { resolveMapping } from '../partitions/resolve.ts'
import { printPlace } from './user-place.ts'
import { validateOutputs } from './validate-outputs.ts'

/** What is wrong between the assets of a project. Places are absolute. @param root for places in texts */
export async function validateAssets(assets: readonly AssetDefinition[], root: string): Promise<readonly AssayError[]> {
  const byKey = new Map<string, AssetDefinition>()
  const errors: AssayError[] = []
  for (const asset of assets) {
    const first = byKey.get(asset.key)
    if (first === undefined) byKey.set(asset.key, asset)
    else
      errors.push(
        new AssayError('ASSAY-1005', `two assets are called ${asset.key}`, {
          where: asset.where,
          details: [`the other is at ${printPlace(root, first.where)}`],
        }),
      )
  }
  for (const asset of assets) {
    for (const error of making(asset, byKey)) errors.push(error)
    if (asset.quarantine) errors.push(...rejectsKey(asset, byKey))
  }
  const joint = validateOutputs(assets)
  return [...errors, ...joint, ...(joint.length > 0 ? [] : await cycles(byKey, root))]
}

function* making(asset: AssetDefinition, byKey: ReadonlyMap<string, AssetDefinition>): Generator<AssayError> {
  if (asset.kind === 'external') return
  if (asset.made === undefined) yield new AssayError('ASSAY-1007', `${asset.key} has no compute`, { where: asset.where })
  // Outputs of one compute have the same deps, and what is wrong with them is told once.
  const [first = asset] = Object.values(asset.made?.outputs?.assets ?? {})
  if (first.key !== asset.key) return
  for (const [name, dep] of Object.entries(asset.made?.deps ?? {})) {
    const where = asset.made?.where
    if (byKey.has(dep.key)) {
      const fault = lineUp(asset, name, dep)
      if (fault !== undefined) yield fault
    } else {
      const next = didYouMean(dep.key, byKey.keys())
      yield new AssayError('ASSAY-1009', `${asset.key} reads ${dep.key}, which is not part of the project`, {
        where,
        ...(next === undefined ? {} : { next: `Add its module to \`assets\` in the project file. ${next}` }),
      })
    }
  }
}

/** The type checker holds most of this; a project that was not checked must not read the wrong partitions. */
function lineUp(asset: AssetDefinition, name: string, dep: Dep): AssayError | undefined {
  const { fault } = resolveMapping(dep.mapping, asset.partitions.spec, dep.partitions.spec)
  if (fault === undefined) return undefined
  const next = fault.next?.replaceAll(/\bdep\b/g, name)
  return new AssayError('ASSAY-1010', `${asset.key} reads ${dep.key} ${fault.what}`, {
    where: asset.made?.where,
    ...(next === undefined ? {} : { next }),
  })
}

function* rejectsKey(asset: AssetDefinition, byKey: ReadonlyMap<string, AssetDefinition>): Generator<AssayError> {
  const other = byKey.get(`${asset.key}__rejects`)
  if (other === undefined) return
  yield new AssayError('ASSAY-1005', `${asset.key} quarantines into ${asset.key}__rejects, which is an asset too`, {
    where: other.where,
    next: 'Rename that asset.',
  })
}

async function cycles(byKey: ReadonlyMap<string, AssetDefinition>, root: string): Promise<readonly AssayError[]> {
  const nodes = [...byKey.values()].map((asset) => ({ key: asset.key, reads: Object.values(asset.made?.deps ?? {}).map((dep) => dep.key) }))
  const paths = isAcyclic(nodes) ? [] : await findCycles(nodes)
  return paths.map((path) => {
    const details = path.slice(0, -1).map((key, i) => `${key} reads ${path[i + 1]} (${printPlace(root, byKey.get(key)?.made?.where)})`)
    return new AssayError('ASSAY-1006', `the assets form a cycle: ${path.join(' ← ')}`, {
      where: byKey.get(path[0] ?? '')?.made?.where,
      details,
    })
  })
}

const isAcyclic = (nodes: readonly GraphNode[]): boolean => topologicalOrder(assetGraph(nodes)).length === nodes.length
