// Drops two warnings that say nothing to a user of Assay, and keeps all others.
const EXPECTED = /^(SQLite|Type Stripping) is an experimental feature/
const printers = process.listeners('warning')

process.removeAllListeners('warning')
process.on('warning', (warning) => {
  if (warning.name === 'ExperimentalWarning' && EXPECTED.test(warning.message)) return
  for (const print of printers) print.call(process, warning)
})
