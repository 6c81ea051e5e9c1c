// Numbers as people read them: bytes, rates, OPEN, tokens, addresses, times. Pure; no locale is assumed beyond the
// browser's own, and nothing here is ever parsed back.

const WEI_DIGITS = 18

/** 98362432 → "98.4 MB"; decimal units, as download dialogs use. */
export function bytes(count: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = count
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000
    unit++
  }
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`
}

/** Seconds left as "40 s" or "3 min"; empty when it cannot be told. */
export function timeLeft(remainingBytes: number, bytesPerSecond: number): string {
  if (!(bytesPerSecond > 0)) return ''
  const seconds = remainingBytes / bytesPerSecond
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`
}

/** wei → OPEN, at most `digits` decimals, cut and never rounded up; a positive amount below that is "<0.000001". */
export function open(wei: bigint, digits = 6): string {
  if (wei < 0n) return `−${open(-wei, digits)}`
  const text = wei.toString().padStart(WEI_DIGITS + 1, '0')
  const whole = text.slice(0, -WEI_DIGITS)
  const fraction = text.slice(-WEI_DIGITS).slice(0, digits).replace(/0+$/, '')
  if (wei > 0n && whole === '0' && fraction === '') return `<0.${'0'.repeat(digits - 1)}1`
  return fraction === '' ? whole : `${whole}.${fraction}`
}

/** 2123981 → "2,123,981", or "2.1 M" with `short`. */
export function count(value: number, short = false): string {
  if (short && value >= 999_500) return `${(value / 1e6).toFixed(1)} M`
  if (short && value >= 10_000) return `${Math.round(value / 1000)} k`
  return value.toLocaleString('en')
}

/** part / whole as "43 %"; a nonzero part never reads as 0 %. */
export function percent(part: number, whole: number): string {
  if (whole <= 0 || part <= 0) return '0 %'
  const value = (100 * part) / whole
  return value < 1 ? '<1 %' : `${Math.round(value)} %`
}

/** 0x1234567890… → "0x1234…cdef" */
export function shortHex(hex: string): string {
  return hex.length <= 13 ? hex : `${hex.slice(0, 6)}…${hex.slice(-4)}`
}

export function milliseconds(ms: number): string {
  if (ms < 0.95) return `${ms.toFixed(1)} ms`
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** @param at ms since the epoch */
export function timeOfDay(at: number, to: 'minute' | 'second' = 'minute'): string {
  const seconds = to === 'second' ? ({ second: '2-digit' } as const) : {}
  return new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', ...seconds })
}

/** Today as a time, else as a date. */
export function when(at: number, now: number): string {
  const [day, today] = [new Date(at), new Date(now)]
  return day.toDateString() === today.toDateString() ? timeOfDay(at) : day.toLocaleDateString([], { day: 'numeric', month: 'short' })
}
