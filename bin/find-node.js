// Runs on any Node that knows modules (12.17 on), so that an old one can say what is missing: no newer syntax here.
import { spawn } from 'child_process'
import { existsSync } from 'fs'
import { fileURLToPath } from 'url'

const MAJOR = 22
const MINOR = 18

/** Whether this Node runs TypeScript and has node:sqlite. */
function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number)
  return major > MAJOR || (major === MAJOR && minor >= MINOR)
}

/** The Node that `npm ci` put beside the source tree (workspace bin/runtime), or undefined. */
function localNode() {
  return [`.bin/node`, `node-linux-${process.arch}/bin/node`]
    .map((path) => fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url)))
    .find((path) => existsSync(path))
}

/** The Node to run with. Ends the process with one line when there is none. */
export function findNode() {
  if (isNewEnough(process.versions.node)) return process.execPath
  const local = localNode()
  if (local === undefined) {
    console.error(
      `assay needs Node ${MAJOR}.${MINOR} or newer; this is ${process.version} (${process.execPath}). Install a newer one from nodejs.org.`,
    )
    process.exit(1)
  }
  return local
}

/** Becomes the given command as far as that goes: same streams, signals passed on, same exit code or signal. */
export function become(command, args) {
  const child = spawn(command, args, { stdio: 'inherit' })
  const pass = {
    // A terminal sends Ctrl-C to the whole group: passed on again, it would count as pressed twice.
    SIGINT: () => process.stdin.isTTY || child.kill('SIGINT'),
    SIGTERM: () => child.kill('SIGTERM'),
    SIGHUP: () => child.kill('SIGHUP'),
  }
  for (const signal of Object.keys(pass)) process.on(signal, pass[signal])
  child.on('error', (error) => {
    console.error(error.message)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    for (const name of Object.keys(pass)) process.removeListener(name, pass[name])
    if (signal === null) process.exit(code)
    process.kill(process.pid, signal)
  })
}
