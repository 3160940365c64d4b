/** `npm run build`: src/ compiled to dist/ with declarations, and the files that it reads at run time (SQL) beside them. */
import { cp, rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { run } from './process.ts'

const ROOT = resolve(import.meta.dirname, '..')
const DIST = resolve(ROOT, 'dist')

await rm(DIST, { recursive: true, force: true })
await run('tsc', ['-p', 'tsconfig.build.json'], { cwd: ROOT })
await cp(resolve(ROOT, 'src'), DIST, { recursive: true, filter: (path) => !path.endsWith('.ts') })
