#!/usr/bin/env node
// The command. In an installed package it runs what was compiled, in the source tree the source.
import { existsSync } from 'fs'
import module from 'module'
import { fileURLToPath } from 'url'
import { become, findNode } from './find-node.js'
import './quiet.js'

const source = new URL('../src/cli/main.ts', import.meta.url)
const main = existsSync(fileURLToPath(source)) ? source : new URL('../dist/cli/main.js', import.meta.url)
const node = findNode()

if (node === process.execPath) {
  module.enableCompileCache()
  void import(main.href)
    .then((cli) => cli.main(process.argv.slice(2)))
    .then((code) => {
      process.exitCode = code
    })
} else {
  become(node, [fileURLToPath(import.meta.url)].concat(process.argv.slice(2)))
}
