import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { definitionOf } from '../assets/define-asset.ts'
import { AssayError, type SourceLocation } from '../errors.ts'
import { isResource } from '../resources/resource.ts'
import { freeNames, nodeOf, nodesOf, type SyntaxNode } from './free-names.ts'
import { type Binding, dynamicImports, type Effect, type ModuleSyntax, readModuleSyntax } from './module-syntax.ts'

/** The modules of a project as the reader of code needs them. */
export interface Modules {
  /** True for files that the user wrote. */
  isOwn(file: string): boolean
  /** Where an import of a file leads: a file of the project, or undefined for anything else. */
  resolve(file: string, specifier: string): string | undefined
  /** The files of the project that were loaded. */
  readonly files: readonly string[]
  /** The exports of a file; none when it has not been loaded. */
  namespace(file: string): Readonly<Record<string, unknown>>
  /** The locked version of a package; empty where there is none. */
  version(specifier: string): string
  /** The key of the asset that is declared at a place. */
  assetAt(file: string, within: (place: SourceLocation) => boolean): string | undefined
  /** Whether a call within gave an asset its compute or its version function, itself or through functions of the user's. */
  makesAsset(file: string, within: (place: SourceLocation) => boolean): boolean
}

/** Reads what the code of a compute consists of. */
export interface CodeReader {
  /**
   * A hash of the syntax of the compute that `.from()` was given and of all that it reaches: equal for equal programs,
   * whatever their layout, comments and types. What is imported under a name that is computed while the compute runs is
   * not in it.
   * @param frames the call of `.from()`, and all that led to it
   * @throws ASSAY-1002 when there are none
   */
  codeAt(asset: string, frames: readonly SourceLocation[]): string
}

export function codeReader(modules: Modules): CodeReader {
  const parsed = new Map<string, ModuleSyntax>()
  const syntaxOf = (file: string): ModuleSyntax => {
    const known = parsed.get(file) ?? readModuleSyntax(file)
    parsed.set(file, known)
    return known
  }
  const statements = new Map<string, readonly Effect[]>()
  const codes = new Map<string, string>()
  return {
    codeAt(asset, frames) {
      const own = frames.filter(({ file }) => modules.isOwn(file))
      // Packages may bring assets of their own: then the innermost place is in theirs.
      const places = own.length > 0 ? own : frames.slice(0, 1)
      if (places.length === 0)
        throw new AssayError('ASSAY-1002', `it is not known which code makes ${asset}`, { next: 'Call .from() in a file of the project.' })
      // A loop may make thousands of assets at one place.
      const id = places.map(({ file, line, column }) => `${file}:${line}:${column}`).join()
      const code = codes.get(id) ?? codeOf({ modules, syntaxOf, statements, units: [], known: new Map() }, places)
      codes.set(id, code)
      return code
    },
  }
}

function codeOf(walk: Walk, places: readonly SourceLocation[]): string {
  for (const place of places) {
    const syntax = walk.syntaxOf(place.file)
    const root = rootOf(syntax, syntax.offsetOf(place))
    unitOf(walk, place.file, root, assetOf(walk, place.file, root) === undefined ? effectsOn(walk, place.file, root) : [])
  }
  return createHash('sha256').update(JSON.stringify(walk.units)).digest('base64url')
}

/** What is reached is a list of units of code, each with what its free names stand for: texts, or numbers of units. */
interface Walk {
  readonly modules: Modules
  readonly syntaxOf: (file: string) => ModuleSyntax
  /** See {@link statementsOf}, by file; the same for all walks. */
  readonly statements: Map<string, readonly Effect[]>
  readonly units: Unit[]
  readonly known: Map<string, number>
}
interface Unit {
  readonly code: unknown
  names: readonly (readonly [string, Meaning])[]
}
type Meaning = string | number | readonly (readonly [string, Meaning])[]

/**
 * The second argument of the `.from()` call at an offset. For a call that is no statement of its own, and for one of a
 * function that makes assets, the statement or declarator around it, as what the compute depends on is anywhere in there.
 */
function rootOf(syntax: ModuleSyntax, offset: number): SyntaxNode {
  const holds = (node: SyntaxNode): boolean => node.start <= offset && offset < node.end
  const statement = syntax.body.find(holds)
  if (statement === undefined) return { type: 'Program', start: 0, end: 0, body: syntax.body }
  const call = statement.type === 'ExpressionStatement' ? nodeOf(statement['expression']) : undefined
  if (calleeHolds(call, offset) && isFrom(call)) return nodesOf(call?.['arguments'])[1] ?? statement
  const declaration = nodeOf(statement['declaration']) ?? statement
  return nodesOf(declaration['declarations']).find(holds) ?? declaration
}

const isFrom = (call: SyntaxNode | undefined): boolean => nodeOf(nodeOf(call?.['callee'])?.['property'])?.['name'] === 'from'

/** V8 gives the place of a call as that of its callee, or of the last name in it. */
function calleeHolds(call: SyntaxNode | undefined, offset: number): boolean {
  const callee = nodeOf(call?.callee)
  return call?.type === 'CallExpression' && callee !== undefined && callee.start <= offset && offset < callee.end
}

/** The number of a unit, which is added with all that it reaches. @param effects statements that belong to the declaration */
function unitOf(walk: Walk, file: string, node: SyntaxNode, effects: readonly SyntaxNode[]): number {
  const key = `${file}:${node.start}-${node.end}`
  const known = walk.known.get(key)
  if (known !== undefined) return known
  const nodes = [node, ...effects]
  const unit: Unit = { code: nodes.map(bare), names: [] }
  const at = walk.units.push(unit) - 1
  walk.known.set(key, at)
  const names = [...new Set(nodes.flatMap(freeNames))].sort().flatMap((name) => {
    const binding = walk.syntaxOf(file).bindings.get(name)
    return binding === undefined ? [] : [[name, meaningOf(walk, file, binding)] as const, ...effectsHere(walk, file, name, binding)]
  })
  const imports = [...new Set(nodes.flatMap(dynamicImports))].sort()
  unit.names = [...names, ...imports.map((specifier) => [`import ${specifier}`, dynamicMeaning(walk, file, specifier)] as const)]
  return at
}

function meaningOf(walk: Walk, file: string, binding: Binding): Meaning {
  if (binding.kind === 'import') return importMeaning(walk, file, binding)
  const { node } = binding
  return assetOf(walk, file, node) ?? unitOf(walk, file, node, effectsOn(walk, file, node))
}

/** A definition counts as its name: `asset silver.orders`, `resource crm`. What is behind it has versions of its own, or none. */
function definitionName(value: unknown): string | undefined {
  const asset = definitionOf(value)
  if (asset !== undefined) return `asset ${asset.key}`
  return isResource(value) ? `resource ${value.name}` : undefined
}

/** The name of the definition that a declaration is: by where it was made, or by what is exported under its one name. */
function assetOf({ modules, syntaxOf }: Walk, file: string, node: SyntaxNode): string | undefined {
  const syntax = syntaxOf(file)
  const declared = modules.assetAt(file, (place) => calleeHolds(nodeOf(node['init']), syntax.offsetOf(place)))
  if (declared !== undefined) return `asset ${declared}`
  if (nodeOf(node['id'])?.type !== 'Identifier') return undefined
  const exported = [...syntax.exports].find(([, binding]) => binding.kind === 'local' && binding.node === node)
  return exported && definitionName(modules.namespace(file)[exported[0]])
}

/** What `import('…')` gives, and what the module does when it is imported. */
function dynamicMeaning(walk: Walk, file: string, specifier: string): Meaning {
  const meaning = importMeaning(walk, file, { kind: 'import', specifier, name: '*' })
  const target = walk.modules.resolve(file, specifier)
  if (target === undefined || !IS_SCRIPT.test(target)) return meaning
  return [['', meaning], ...statementsOf(walk, target).map(({ node }) => ['effect', unitOf(walk, target, node, [])] as const)]
}

/** What this file does to something that it imports from another file of the project. */
function effectsHere(walk: Walk, file: string, name: string, binding: Binding): readonly (readonly [string, Meaning])[] {
  if (binding.kind === 'local' || typeof importMeaning(walk, file, binding) === 'string') return []
  const effects = statementsOf(walk, file).filter(({ names }) => names.has(name))
  return effects.map(({ node }) => [`effect on ${name}`, unitOf(walk, file, node, [])] as const)
}

function importMeaning(walk: Walk, file: string, { specifier, name }: Binding & { kind: 'import' }): Meaning {
  const target = walk.modules.resolve(file, specifier)
  if (target === undefined) return `${specifier}${walk.modules.version(specifier)}#${name}`
  if (name === '*') return namesOf(walk, target).map((each) => [each, exportMeaning(walk, target, each)] as const)
  return exportMeaning(walk, target, name)
}

function exportMeaning(walk: Walk, file: string, name: string): Meaning {
  const definition = definitionName(walk.modules.namespace(file)[name])
  if (definition !== undefined) return definition
  if (!IS_SCRIPT.test(file)) return createHash('sha256').update(readFileSync(file)).digest('hex')
  const syntax = walk.syntaxOf(file)
  const binding = syntax.exports.get(name)
  if (binding !== undefined) return meaningOf(walk, file, binding)
  const through = syntax.exportsAllOf.map((specifier) => ({ specifier, target: walk.modules.resolve(file, specifier) }))
  const holder =
    through.find(({ target }) => target !== undefined && namesOf(walk, target).includes(name)) ??
    through.find(({ target }) => target === undefined)
  return holder === undefined ? name : importMeaning(walk, file, { kind: 'import', specifier: holder.specifier, name })
}

const IS_SCRIPT = /\.[cm]?[jt]s$/

/** The names that a file exports; one that has not been loaded is read instead. */
function namesOf(walk: Walk, file: string, seen: ReadonlySet<string> = new Set()): readonly string[] {
  const loaded = Object.keys(walk.modules.namespace(file))
  if (loaded.length > 0) return loaded.toSorted()
  if (!IS_SCRIPT.test(file)) return ['default']
  if (seen.has(file)) return []
  const { exports, exportsAllOf } = walk.syntaxOf(file)
  const through = exportsAllOf.map((specifier) => walk.modules.resolve(file, specifier)).filter((target) => target !== undefined)
  return [...new Set([...exports.keys(), ...through.flatMap((target) => namesOf(walk, target, new Set([...seen, file])))])].sort()
}

/**
 * Statements at the top level that may change a binding after it was declared: `names.set('a', 1)`, in a loop or not, or
 * `Object.assign(names, more)`. That they only read it is not known, so they count.
 */
function effectsOn(walk: Walk, file: string, declaration: SyntaxNode): readonly SyntaxNode[] {
  const bindings = [...walk.syntaxOf(file).bindings]
  const names = bindings.filter(([, binding]) => binding.kind === 'local' && binding.node === declaration).map(([name]) => name)
  return statementsOf(walk, file)
    .filter((effect) => names.some((name) => effect.names.has(name)))
    .map(({ node }) => node)
}

/** The statements of a file that declare nothing, but for calls that make an asset: those would tie all assets together. */
function statementsOf({ modules, syntaxOf, statements }: Walk, file: string): readonly Effect[] {
  const known = statements.get(file)
  if (known !== undefined) return known
  const { effects, offsetOf } = syntaxOf(file)
  const found = effects.filter(({ node }) => !modules.makesAsset(file, (place) => calleeHolds(nodeOf(node['expression']), offsetOf(place))))
  statements.set(file, found)
  return found
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
