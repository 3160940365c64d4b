import type { IcebergType } from '../schema/iceberg-type.ts'
import type { PartitionValue } from './data-file.ts'

const DAY_MICROS = 86_400_000_000n

/** A value of a partition or a bound as text that the SQL engine casts to its type; bytes as they are given, in base64. */
export function valueText(type: IcebergType, value: Exclude<PartitionValue, null>): string {
  if (type === 'date') return dayText(BigInt(value))
  if (type === 'time') return timeText(BigInt(value))
  if (type !== 'timestamp' && type !== 'timestamptz') return String(value)
  const micros = BigInt(value)
  const time = ((micros % DAY_MICROS) + DAY_MICROS) % DAY_MICROS
  return `${dayText((micros - time) / DAY_MICROS)} ${timeText(time)}${type === 'timestamptz' ? '+00' : ''}`
}

/** Iceberg's days fit a JavaScript Date. The engine takes years beyond 9999 without a sign. */
function dayText(days: bigint): string {
  const text = new Date(Number(days) * 86_400_000).toISOString().replace(/T.*/, '')
  return text.replace(/^\+0*/, '')
}

function timeText(micros: bigint): string {
  const seconds = micros / 1_000_000n
  const parts = [seconds / 3600n, (seconds / 60n) % 60n, seconds % 60n].map((part) => String(part).padStart(2, '0'))
  return `${parts.join(':')}.${String(micros % 1_000_000n).padStart(6, '0')}`
}
