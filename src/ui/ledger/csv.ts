// Spent and earned as a table for spreadsheets. Amounts stand twice: in wei, exact, and in OPEN with all decimals.
// Invariant: no cell can be a formula: a spreadsheet reads what begins with = + - @ or a control character as one, and words of
// an answer are anybody's, so such a cell begins with an apostrophe (OWASP "CSV injection").
// Source: RFC 4180 (quotes, CRLF).
import type { Earning } from '../../wallet/earnings.ts'
import { open } from '../format.ts'
import type { ReceiptSummary } from '../services.ts'

const HEADER = ['date', 'kind', 'amount_wei', 'amount_open', 'state', 'batch', 'receipt', 'datanets', 'words']

interface Row {
  at: number
  cells: string[]
}

/** Newest first, with a header. */
export function ledgerCsv(receipts: readonly ReceiptSummary[], earnings: readonly Earning[]): string {
  const spent = receipts.map(
    ({ at, fee, state, id, datanets, excerpt }): Row => ({
      at,
      cells: ['spent', ...amounts(fee), state.state, 'batch' in state ? String(state.batch) : '', id, datanets.join(' '), excerpt.trim()],
    }),
  )
  const earned = earnings.map(
    ({ at, wei, batch }): Row => ({ at: 1000 * at, cells: ['earned', ...amounts(wei), 'paid', String(batch), '', '', ''] }),
  )
  const rows = [...spent, ...earned].sort((a, b) => b.at - a.at).map(({ at, cells }) => [new Date(at).toISOString(), ...cells])
  return [HEADER, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

const amounts = (wei: bigint): string[] => [String(wei), open(wei, 18)]

export function cell(text: string): string {
  const harmless = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
