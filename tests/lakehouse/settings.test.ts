import { describe, expect, it } from 'vitest'
import { clickstreamSettings, landingFolder } from '../../lakehouse/settings.ts'

describe('settings', () => {
  it('are a million events over thirty days unless set', () => {
    expect(clickstreamSettings({})).toMatchObject({ events: 1_000_000, days: 30, seed: 1 })
    expect(clickstreamSettings({ LAKEHOUSE_EVENTS: '5', LAKEHOUSE_DAYS: '', LAKEHOUSE_LATE: '0.25' })).toMatchObject({
      events: 5,
      days: 30,
      late: 0.25,
    })
  })

  it.each([
    ['LAKEHOUSE_EVENTS', 'many'],
    ['LAKEHOUSE_EVENTS', '1.5'],
    ['LAKEHOUSE_DAYS', '0'],
    ['LAKEHOUSE_LATE', '-1'],
    ['LAKEHOUSE_MALFORMED', '2'],
  ])('%s=%s is refused by name', (name, value) => {
    expect(() => clickstreamSettings({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'ASSAY-1017', message: expect.stringContaining(name) }),
    )
  })

  it('land in the project unless told otherwise', () => {
    expect(landingFolder({})).toBe(`${process.cwd()}/.assay/landing`)
    expect(landingFolder({ LAKEHOUSE_LANDING: '/tmp/x' })).toBe('/tmp/x')
  })
})
