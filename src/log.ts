/** One line of a log. `at` is milliseconds since the epoch. */
export interface LogLine {
  readonly at: number
  readonly stream: 'stdout' | 'stderr' | 'log'
  readonly text: string
}

/** Where a compute or Assay itself writes what a person may want to read later. */
export interface Logger {
  info(text: string): void
  warn(text: string): void
}
