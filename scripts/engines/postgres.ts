import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { capture, output, run, type SpawnSettings } from '../process.ts'
import { ENGINES_DIR, type Engine } from './engine.ts'

/** The version that Debian 12 has. Its patches come from Debian, which keeps only the newest of them to be installed. */
const MAJOR = '15'
const BIN = `/usr/lib/postgresql/${MAJOR}/bin`
const ADMIN = 'assay'

/** A server on loopback, with its data in a temporary folder that goes when it is stopped. It is never run as root. */
export const postgres: Engine = {
  name: 'postgres',
  what: `PostgreSQL ${MAJOR} of Debian`,
  up: async (folder) => {
    await install()
    if ((await state(folder)).startsWith('running')) return
    await discard(folder)
    await start(folder)
  },
  down: async (folder) => {
    const server = known(folder)
    if (server !== undefined) await capture(`${BIN}/pg_ctl`, ['-D', server.data, '-w', '-m', 'immediate', 'stop'], await unprivileged())
    await discard(folder)
  },
  status: state,
}

interface Server {
  readonly data: string
  readonly port: number
  readonly password: string
}

/** URI of the running server's database, as its administrator. @throws when it was not started */
export function postgresUri(folder: string = ENGINES_DIR): string {
  const server = known(folder)
  if (server === undefined) throw new Error('PostgreSQL is not running: npm run engines -- up postgres')
  return `postgres://${ADMIN}:${server.password}@127.0.0.1:${server.port}/postgres`
}

const serverFile = (folder: string): string => join(folder, 'postgres.json')

const known = (folder: string): Server | undefined =>
  existsSync(serverFile(folder)) ? (JSON.parse(readFileSync(serverFile(folder), 'utf8')) as Server) : undefined

async function state(folder: string): Promise<string> {
  if (!existsSync(`${BIN}/postgres`)) return 'absent'
  const server = known(folder)
  if (server === undefined) return 'stopped'
  const { code } = await capture(`${BIN}/pg_ctl`, ['-D', server.data, 'status'], await unprivileged())
  return code === 0 ? `running on port ${server.port}` : 'stopped'
}

async function install(): Promise<void> {
  if (existsSync(`${BIN}/postgres`)) return
  if (process.getuid?.() !== 0) throw new Error(`PostgreSQL ${MAJOR} is not installed (Debian: apt-get install postgresql-${MAJOR})`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', ['update', '-qq'], { env })
  await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', `postgresql-${MAJOR}`], { env })
}

async function start(folder: string): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'assay-postgres-'))
  const server: Server = { data: join(home, 'data'), port: await freePort(), password: randomBytes(12).toString('hex') }
  await writeFile(serverFile(folder), JSON.stringify(server), { mode: 0o600 })
  const as = await unprivileged()
  await writeFile(join(home, 'password'), server.password, { mode: 0o600 })
  if (as.uid !== undefined) {
    await chown(home, as.uid, as.gid ?? as.uid)
    await chown(join(home, 'password'), as.uid, as.gid ?? as.uid)
  }
  await chmod(home, 0o700)
  const identity = ['-U', ADMIN, '-A', 'scram-sha-256', `--pwfile=${join(home, 'password')}`]
  await output(`${BIN}/initdb`, ['-D', server.data, ...identity, '-E', 'UTF8', '--locale=C', '--no-sync'], as)
  const options = `-p ${server.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c shared_buffers=32MB`
  await output(`${BIN}/pg_ctl`, ['-D', server.data, '-l', join(home, 'log'), '-w', '-o', options, 'start'], as)
}

/** Removes what a server left, that of one that died too. */
async function discard(folder: string): Promise<void> {
  const server = known(folder)
  if (server !== undefined) await rm(join(server.data, '..'), { recursive: true, force: true })
  await rm(serverFile(folder), { force: true })
  await mkdir(folder, { recursive: true })
}

/** The server refuses to be root; Debian's package brings a user for it. */
async function unprivileged(): Promise<SpawnSettings> {
  if (process.getuid?.() !== 0) return { cwd: tmpdir() }
  const [uid, gid] = (await Promise.all(['-u', '-g'].map((flag) => output('id', [flag, 'postgres'])))).map(Number)
  return uid === undefined || gid === undefined ? { cwd: tmpdir() } : { cwd: tmpdir(), uid, gid }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
