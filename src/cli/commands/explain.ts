import { didYouMean } from '../../assets/nearest.ts'
import { CATALOGUE, type ErrorCode } from '../../error-catalogue.ts'
import { AssayError } from '../../errors.ts'
import { type Command, emit } from '../context.ts'
import { wrap } from '../render/words.ts'

/** `assay explain CODE`: the catalogue's text. Takes `ASSAY-1204`, `assay-1204` and `1204`. */
export const explain: Command = async (context) => {
  const word = (context.words[0] ?? '').toUpperCase()
  const name = /^\d+$/.test(word) ? `ASSAY-${word}` : word
  const code = codes().find((known) => known === name)
  if (code === undefined) {
    const hint = didYouMean(name, codes())
    throw new AssayError('ASSAY-4005', `there is no error code '${context.words[0]}'`, hint === undefined ? {} : { next: hint })
  }
  const { title, why, next } = CATALOGUE[code]
  if (context.options.json) {
    emit(context, 'code', { code, title, why, next })
    return 0
  }
  const { terminal } = context
  terminal.line(`${code}  ${terminal.paint('bold', title)}`)
  for (const text of [why, `next: ${next}`])
    for (const line of wrap(text, Math.min(100, terminal.columns() - 2))) terminal.line(`  ${line}`)
  return 0
}

const codes = (): readonly ErrorCode[] => Object.keys(CATALOGUE) as ErrorCode[]
