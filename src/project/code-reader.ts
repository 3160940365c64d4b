import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { definitionOf } from '../assets/define-asset.ts'
import type { SourceLocation } from '../errors.ts'
import { freeNames, nodeOf, nodesOf, type SyntaxNode } from './free-names.ts'
import { type Binding, type ModuleSyntax, readModuleSyntax } from './module-syntax.ts'

/** The modules of a project as the reader of code needs them. */
export interface Modules {
  /** Where an import of a file leads: a file of the project, or undefined for anything else. */
  resolve(file: string, specifier: string): string | undefined
  /** The exports of a file, which has been loaded. */
  namespace(file: string): Readonly<Record<string, unknown>>
  /** The locked version of a package; empty where there is none. */
  version(specifier: string): string
  /** The key of the asset that is declared at a place. */
  assetAt(file: string, within: (place: SourceLocation) => boolean): string | undefined
}

/** Reads what the code of a compute consists of. */
export interface CodeReader {
  /**
   * The syntax of the compute that `.from()` was given at this place and of all that it reaches, as text: equal for equal
   * programs, whatever their layout, comments and types.
   */
  codeAt(place: SourceLocation | undefined): string
}

export function codeReader(modules: Modules): CodeReader {
  const parsed = new Map<string, ModuleSyntax>()
  const syntaxOf = (file: string): ModuleSyntax => {
    const known = parsed.get(file) ?? readModuleSyntax(file)
    parsed.set(file, known)
    return known
  }
  return {
    codeAt(place) {
      if (place === undefined) return ''
      const walk: Walk = { modules, syntaxOf, units: [], known: new Map() }
      const syntax = syntaxOf(place.file)
      addUnit(walk, place.file, rootOf(syntax, syntax.offsetOf(place)), [])
      return JSON.stringify(walk.units)
    },
  }
}

/** What is reached is a list of units of code, each with what its free names stand for: texts, or numbers of units. */
interface Walk {
  readonly modules: Modules
  readonly syntaxOf: (file: string) => ModuleSyntax
  readonly units: Unit[]
  readonly known: Map<string, number>
}
interface Unit {
  readonly code: unknown
  names: readonly (readonly [string, Meaning])[]
}
type Meaning = string | number | readonly (readonly [string, Meaning])[]

/**
 * The second argument of the `.from()` call around an offset. A call that is no statement of its own (in a loop, in a
 * function) gives the statement around it, as what it depends on is anywhere in there.
 */
function rootOf(syntax: ModuleSyntax, offset: number): SyntaxNode {
  const statement = syntax.body.find((node) => node.start <= offset && offset < node.end)
  if (statement === undefined) return { type: 'Program', start: 0, end: 0, body: syntax.body }
  const call = statement.type === 'ExpressionStatement' ? nodeOf(statement.expression) : undefined
  const isCalledHere = calleeHolds(call, offset)
  return (isCalledHere ? nodesOf(call?.arguments)[1] : undefined) ?? statement
}

/** V8 gives the place of a call as that of its callee, or of the last name in it. */
function calleeHolds(call: SyntaxNode | undefined, offset: number): boolean {
  const callee = nodeOf(call?.callee)
  return call?.type === 'CallExpression' && callee !== undefined && callee.start <= offset && offset < callee.end
}

/** Adds a unit and all that it reaches; returns its number. @param effects statements that belong to the declaration */
function addUnit(walk: Walk, file: string, node: SyntaxNode, effects: readonly SyntaxNode[]): number {
  const unit: Unit = { code: [node, ...effects].map(bare), names: [] }
  const at = walk.units.push(unit) - 1
  walk.known.set(`${file}:${node.start}`, at)
  const names = [...new Set([node, ...effects].flatMap(freeNames))].sort()
  unit.names = names.flatMap((name) => {
    const binding = walk.syntaxOf(file).bindings.get(name)
    return binding === undefined ? [] : [[name, meaningOf(walk, file, binding)] as const]
  })
  return at
}

function meaningOf(walk: Walk, file: string, binding: Binding): Meaning {
  if (binding.kind === 'import') return importMeaning(walk, file, binding)
  const { node } = binding
  const syntax = walk.syntaxOf(file)
  const within = (place: SourceLocation): boolean => calleeHolds(nodeOf(node.init), syntax.offsetOf(place))
  const asset = walk.modules.assetAt(file, within)
  if (asset !== undefined) return `asset ${asset}`
  return walk.known.get(`${file}:${node.start}`) ?? addUnit(walk, file, node, effectsOn(syntax, node))
}

function importMeaning(walk: Walk, file: string, { specifier, name }: Binding & { kind: 'import' }): Meaning {
  const target = walk.modules.resolve(file, specifier)
  if (target === undefined) return `${specifier}${walk.modules.version(specifier)}#${name}`
  if (name === '*') return namesOf(walk, target).map((each) => [each, exportMeaning(walk, target, each)] as const)
  return exportMeaning(walk, target, name)
}

function exportMeaning(walk: Walk, file: string, name: string): Meaning {
  const asset = definitionOf(walk.modules.namespace(file)[name])
  if (asset !== undefined) return `asset ${asset.key}`
  if (!/\.[cm]?[jt]s$/.test(file)) return createHash('sha256').update(readFileSync(file)).digest('hex')
  const syntax = walk.syntaxOf(file)
  const binding = syntax.exports.get(name)
  if (binding !== undefined) return meaningOf(walk, file, binding)
  const through = syntax.exportsAllOf.map((specifier) => ({ specifier, target: walk.modules.resolve(file, specifier) }))
  const holder =
    through.find(({ target }) => target !== undefined && name in walk.modules.namespace(target)) ??
    through.find(({ target }) => target === undefined)
  return holder === undefined ? name : importMeaning(walk, file, { kind: 'import', specifier: holder.specifier, name })
}

const namesOf = (walk: Walk, file: string): readonly string[] => Object.keys(walk.modules.namespace(file)).sort()

/** Statements at the top level that change a binding after it was declared: `limit = 3`, `names.set('a', 1)`. */
function effectsOn(syntax: ModuleSyntax, declaration: SyntaxNode): readonly SyntaxNode[] {
  const names = new Set(
    [...syntax.bindings].filter(([, binding]) => binding.kind === 'local' && binding.node === declaration).map(([name]) => name),
  )
  return syntax.body.filter(
    (statement) => statement.type === 'ExpressionStatement' && names.has(leftmost(nodeOf(statement['expression'])) ?? ''),
  )
}

function leftmost(node: SyntaxNode | undefined): string | undefined {
  if (node === undefined) return undefined
  if (node.type === 'Identifier') return String(node['name'])
  return leftmost(nodeOf(node['callee'] ?? node['object'] ?? node['left'] ?? node['argument']))
}

/** A syntax tree without what is only layout: positions, the spelling of literals, empty statements. */
function bare(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return value.filter((item) => nodeOf(item)?.type !== 'EmptyStatement').map(bare)
  if (typeof value !== 'object' || value === null || value instanceof RegExp) return value instanceof RegExp ? String(value) : value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => !LAYOUT.has(name))
      .map(([name, each]) => [name, bare(each)]),
  )
}

const LAYOUT = new Set(['start', 'end', 'raw'])
