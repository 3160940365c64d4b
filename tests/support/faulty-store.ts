import { AssayError, type ErrorDetail } from '../../src/errors.ts'
import type { Store } from '../../src/iceberg/store.ts'
import { type Faults, heard, type StepErrors } from './faults.ts'

/** A store whose calls go wrong as planned, with the errors that the contract names. */
export function faultyStore(store: Store, faults: Faults): Store {
  const writing = (path: string): StepErrors => ({
    failed: () => new AssayError('ASSAY-2001', `${path} cannot be written: EIO: i/o error`, io('EIO')),
    full: () => new AssayError('ASSAY-2002', `No space is left to write ${path}`, io('ENOSPC')),
  })
  const reading = (path: string): StepErrors => {
    const failed = (): AssayError => new AssayError('ASSAY-2005', `${path} cannot be read: EIO: i/o error`, io('EIO'))
    return { failed, full: failed }
  }
  return {
    normalise: store.normalise,
    exists: store.exists,
    read: (path) => faults.through(`read ${path}`, () => store.read(path), reading(path)).catch(heard),
    write: (path, bytes) => faults.through(`write ${path}`, () => store.write(path, bytes), writing(path)).catch(heard),
    makeFolder: (path) => faults.through(`makeFolder ${path}`, () => store.makeFolder(path), writing(path)).catch(heard),
    sync: (paths, root) => faults.through(`sync ${root}`, () => store.sync(paths, root), writing(root)).catch(heard),
    list: (folder) => faults.through(`list ${folder}`, () => store.list(folder), reading(folder)).catch(heard),
    remove: (path) => faults.through(`remove ${path}`, () => store.remove(path), writing(path)).catch(heard),
  }
}

const io = (code: string): ErrorDetail => ({ cause: Object.assign(new Error(code), { code }) })
