import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../src/iceberg/store.ts'

export interface StoreUnderTest {
  readonly store: Store
  /** An empty place to write below. */
  readonly root: string
  readonly dispose: () => Promise<void>
}

/** What every {@link Store} does. */
export function storeConformance(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`store: ${name}`, () => {
    let it_: StoreUnderTest
    beforeEach(async () => {
      it_ = await open()
    })
    afterEach(() => it_.dispose())
    const at = (path: string): string => `${it_.root}/${path}`
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

    it('reads what it wrote, in folders it had to make', async () => {
      await it_.store.write(at('a/b/c.json'), bytes('hello'))
      expect(new TextDecoder().decode(await it_.store.read(at('a/b/c.json')))).toBe('hello')
    })

    it('does not overwrite', async () => {
      await it_.store.write(at('x'), bytes('1'))
      await expect(it_.store.write(at('x'), bytes('2'))).rejects.toThrow()
      expect(new TextDecoder().decode(await it_.store.read(at('x')))).toBe('1')
    })

    it('lets one of many writers of a file win', async () => {
      const results = await Promise.allSettled(Array.from({ length: 8 }, (_, i) => it_.store.write(at('race'), bytes(String(i)))))
      expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1)
    })

    it('says ASSAY-2005 for a file that is not there', async () => {
      await expect(it_.store.read(at('nothing'))).rejects.toMatchObject({ code: 'ASSAY-2005' })
    })

    it('knows what exists, and removes files and folders', async () => {
      await it_.store.write(at('f/1'), bytes('1'))
      await it_.store.write(at('f/2'), bytes('2'))
      expect(await it_.store.exists(at('f/1'))).toBe(true)
      await it_.store.remove(at('f'))
      expect(await it_.store.exists(at('f/1'))).toBe(false)
      await it_.store.remove(at('f'))
    })

    it('lists files, those of folders below too', async () => {
      expect(await it_.store.list(at('none'))).toEqual([])
      await it_.store.write(at('l/1'), bytes('1'))
      await it_.store.write(at('l/deep/er/2'), bytes('22'))
      const listed = (await it_.store.list(at('l'))).toSorted((a, b) => a.size - b.size)
      expect(listed.map((file) => [file.path, file.size])).toEqual([
        [it_.store.normalise(at('l/1')), 1],
        [it_.store.normalise(at('l/deep/er/2')), 2],
      ])
      expect(listed[1]?.modified).toBeGreaterThanOrEqual(Math.floor(listed[0]?.modified ?? Number.NaN))
    })

    it('makes folders and syncs what another wrote there', async () => {
      await it_.store.makeFolder(at('deep/er'))
      await it_.store.makeFolder(at('deep/er'))
      await it_.store.write(at('deep/er/file'), bytes('1'))
      await it_.store.sync([at('deep/er/file')], at('deep'))
    })

    it('gives one spelling to all spellings of a path', async () => {
      await it_.store.write(at('table/x.avro'), bytes('1'))
      const plain = it_.store.normalise(at('table/x.avro'))
      for (const spelling of [`file:${plain}`, `file://${plain}`, plain, it_.store.normalise(plain)]) {
        expect(it_.store.normalise(spelling)).toBe(plain)
        expect(await it_.store.exists(spelling)).toBe(true)
      }
    })
  })
}
