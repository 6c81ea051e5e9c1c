import { expect, test } from 'vitest'
import { grouped } from './groups.ts'

const at = (day: number, hour: number) => new Date(2026, 4, day, hour).getTime()
const now = at(31, 1)

test('groups by the day of the calendar, pinned first, archived last, latest first within', () => {
  const headings = [
    { id: 'now', title: '', changedAt: at(31, 0) },
    { id: 'last night', title: '', changedAt: at(30, 23) },
    { id: 'noon', title: '', changedAt: at(30, 12) },
    { id: 'week', title: '', changedAt: at(26, 12) },
    { id: 'month', title: '', changedAt: at(3, 12) },
    { id: 'old', title: '', changedAt: at(-60, 12) },
    { id: 'pinned', title: '', changedAt: at(1, 1), pinned: true as const },
    { id: 'put away', title: '', changedAt: at(31, 0), archived: true as const, pinned: true as const },
    { id: 'ahead', title: '', changedAt: at(33, 0) },
  ]
  expect(grouped(headings, now).map(({ name, headings: list }) => [name, ...list.map((h) => h.id)])).toEqual([
    ['pinned', 'pinned'],
    ['today', 'ahead', 'now'],
    ['yesterday', 'last night', 'noon'],
    ['week', 'week'],
    ['month', 'month'],
    ['older', 'old'],
    ['archived', 'put away'],
  ])
  expect(grouped([], now)).toEqual([])
})
