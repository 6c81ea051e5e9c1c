// The list of conversations in groups: pinned, then by the day they were last changed, then archived ones. Pure; days are
// those of the person's own calendar.
import type { ConversationHeading } from '../../../chat/conversation.ts'

export type GroupName = 'pinned' | 'today' | 'yesterday' | 'week' | 'month' | 'older' | 'archived'

export interface Group {
  name: GroupName
  headings: ConversationHeading[]
}

const ORDER: GroupName[] = ['pinned', 'today', 'yesterday', 'week', 'month', 'older', 'archived']

/** Groups that hold something, latest first within each. */
export function grouped(headings: readonly ConversationHeading[], now: number): Group[] {
  const groups = new Map<GroupName, ConversationHeading[]>(ORDER.map((name) => [name, []]))
  for (const heading of headings) groups.get(groupOf(heading, now))!.push(heading)
  return [...groups]
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => ({ name, headings: list.sort((a, b) => b.changedAt - a.changedAt) }))
}

function groupOf({ pinned, archived, changedAt }: ConversationHeading, now: number): GroupName {
  if (archived) return 'archived'
  if (pinned) return 'pinned'
  const days = daysBefore(changedAt, now)
  if (days <= 0) return 'today'
  if (days === 1) return 'yesterday'
  return days < 7 ? 'week' : days < 30 ? 'month' : 'older'
}

/** Midnights between two times; not hours, so that what was asked last night was yesterday. */
function daysBefore(at: number, now: number): number {
  const midnight = (time: number) => new Date(time).setHours(0, 0, 0, 0)
  // A day of 23 or 25 hours rounds to one.
  return Math.round((midnight(now) - midnight(at)) / 86_400_000)
}
