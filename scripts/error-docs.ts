/** `node scripts/error-docs.ts` writes docs/errors.md from the catalogue; tests/repo/errors.test.ts holds the two equal. */
import { writeFileSync } from 'node:fs'
import { CATALOGUE } from '../src/error-catalogue.ts'

const GROUPS: Readonly<Record<string, string>> = {
  '1': 'The project and its definitions',
  '2': 'Tables, catalog, files',
  '3': 'Running',
  '4': 'The command line',
  '5': 'Data and checks',
  '9': 'Assay itself',
}

/** The text of docs/errors.md. */
export function errorDocs(): string {
  const lines = [
    '# Errors',
    '',
    'Every error of Assay has a code. Match on the code, never on the text. `assay explain CODE` prints the same.',
    '',
  ]
  let group = ''
  for (const [code, { title, why, next }] of Object.entries(CATALOGUE)) {
    const digit = code.charAt('ASSAY-'.length)
    if (digit !== group) lines.push(`## ${GROUPS[digit] ?? digit}`, '')
    group = digit
    lines.push(`### ${code}`, '', `**${title}.** ${why}`, '', `${next}`, '')
  }
  return lines.join('\n')
}

if (import.meta.main) writeFileSync(new URL('../docs/errors.md', import.meta.url), errorDocs())
