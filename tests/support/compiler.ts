import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ROOT } from './shop.ts'

const TSC = join(ROOT, 'node_modules/@typescript/native/bin/tsc')

/** What the compiler refuses of a project in a folder: by file, relative to the folder. It has `assay` in its node_modules. */
export async function compilerErrors(
  folder: string,
  include: readonly string[],
): Promise<readonly { readonly file: string; readonly message: string }[]> {
  const compilerOptions = { typeRoots: [join(ROOT, 'node_modules/@types')] }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include, exclude: [] }),
  )
  // It fails, as it should; what it prints is asked for.
  const output = await new Promise<string>((done) => {
    execFile(process.execPath, [TSC, '--pretty', 'false', '--singleThreaded', '-p', folder], { cwd: folder }, (_, stdout) => done(stdout))
  })
  return [...output.matchAll(/^(\S+?)\(\d+,\d+\): error TS\d+: (.*)$/gm)].map(([, file = '', message = '']) => ({ file, message }))
}
