import { Instant, type RowOf } from 'assay'
import { blank } from 'assay/testing'
import { events } from '../../../lakehouse/silver/events.ts'

type Event = RowOf<typeof events>
type Kind = Event['type']

/** An event of silver.events: at a time UTC of January 2026 such as `02T10:00`, or with seconds. */
export const event = (type: Kind, time: string, own: Partial<Event> = {}): Event => ({
  ...blank(events),
  event_id: `${type} ${time}`,
  type,
  ts: january(time),
  visit_started_at: january(time),
  ...own,
})

export const january = (time: string): Instant => Instant.parse(`2026-01-${time.length === 8 ? `${time}:00` : time}Z`)
