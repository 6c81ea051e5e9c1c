// Why nobody can be paid for the next answer, in one sentence; empty when somebody can.
import type { App } from '../../state/app.svelte.ts'
import { strings } from '../../strings.ts'

export function whyUnpayable({ chat, wallet, engine }: Pick<App, 'chat' | 'wallet' | 'engine'>): string {
  if (chat.current.temporary) return strings.temporary.noPay
  if (wallet.state === 'absent') return strings.options.payAbsent
  // A receipt names its backbone by digest, and these engines tell none.
  return ['remote', 'web-llm'].includes(engine.choice.engine) ? strings.temporary.noDigest : ''
}
