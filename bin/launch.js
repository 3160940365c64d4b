// node bin/launch.js <file.ts> [arguments]: runs a file of the source tree, in which 'assay' means src/index.ts.
import { fileURLToPath } from 'url'
import { become, findNode } from './find-node.js'

const quiet = new URL('./quiet.js', import.meta.url)
const entry = process.argv[2]
if (entry === undefined) {
  console.error(`usage: node ${fileURLToPath(import.meta.url)} <file> [arguments]`)
  process.exit(2)
}
become(findNode(), ['--conditions=assay-source', `--import=${quiet.href}`, entry].concat(process.argv.slice(3)))
