import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { capture, run } from '../process.ts'
import { ENGINES_DIR } from './engine.ts'
import { pythonEngine } from './venv.ts'

const JARS_POM = 'iceberg/requirements/spark-jars.xml'
/** Of the jars that Maven fetches, by the checksum that they must have. */
const JARS: Readonly<Record<string, string>> = {
  'iceberg-spark-runtime-4.0_2.13-1.11.0.jar': '63c3b812549dc232c1920865ff42436df8604a9bbacd693930985c06bd97e6dc',
  'sqlite-jdbc-3.53.0.0.jar': '303e8150100982f2ed7d1b82d897278ef7744bd494c28ad4e7042b7914591697',
}

/** Spark with Iceberg's own library over the same SQLite catalog, in one process. */
export const spark = pythonEngine({
  name: 'spark',
  what: 'Spark 4.0.4 with Iceberg 1.11.0 for Python 3.11 and Java 17',
  wheels: 'iceberg/requirements/spark-build.txt',
  sources: 'iceberg/requirements/spark.txt',
  more: { files: [JARS_POM], install: fetchJars },
})

/** The jars that a session needs, as `spark.jars` lists them. */
export const sparkJars = (folder: string = ENGINES_DIR): string =>
  Object.keys(JARS)
    .map((jar) => join(folder, 'spark/iceberg-jars', jar))
    .join(',')

async function fetchJars(home: string): Promise<void> {
  for (const command of ['java', 'mvn'])
    await capture(command, ['-version']).catch(() => {
      throw new Error(`Spark needs ${command} (Debian: openjdk-17-jre-headless maven)`)
    })
  const pom = resolve(import.meta.dirname, '../../tests/engines', JARS_POM)
  const to = join(home, 'iceberg-jars')
  await run('mvn', ['-B', '-q', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${to}`])
  for (const [jar, checksum] of Object.entries(JARS)) {
    const found = createHash('sha256')
      .update(await readFile(join(to, jar)))
      .digest('hex')
    if (found !== checksum) throw new Error(`${jar} has the checksum ${found}, not ${checksum}`)
  }
}
