/** A process that commits to one table beside others; prints how often it lost. */
import { commitAgainstOthers } from '../tables.ts'

const [folder = '', commits = ''] = process.argv.slice(2)
console.log(await commitAgainstOthers(folder, Number(commits)))
