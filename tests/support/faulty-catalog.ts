import { AssayError } from '../../src/errors.ts'
import { type Catalog, type CommitOutcome, formatTableId } from '../../src/iceberg/catalog.ts'
import { type Faults, heard, type StepErrors, Unanswered } from './faults.ts'

const failed = (): AssayError => new AssayError('ASSAY-2010', 'the catalog does not answer')
const READING: StepErrors = { failed, full: failed }
const COMMITTING: StepErrors = { failed, full: () => new AssayError('ASSAY-2002', 'No space is left to write the catalog') }

/** A catalog whose calls go wrong as planned. A commit of which nothing is heard, done or not, has an unknown outcome. */
export const faultyCatalog = (catalog: Catalog, faults: Faults): Catalog => ({
  warehouse: catalog.warehouse,
  load: (id) => faults.through(`load ${formatTableId(id)}`, () => catalog.load(id), READING).catch(heard),
  locations: () => faults.through('locations', () => catalog.locations(), READING).catch(heard),
  commit: (changes) =>
    faults
      .through('commit', () => catalog.commit(changes), COMMITTING)
      .catch((cause: unknown): CommitOutcome => {
        if (cause instanceof Unanswered) return { kind: 'unknown', cause }
        throw cause
      }),
  close: () => {},
})
