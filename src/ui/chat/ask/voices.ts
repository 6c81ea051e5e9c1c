// The adapters one can choose between, in words. Pure; which are loaded is the engine's to say.
import type { AdapterChoice } from '../../../chat/answer.ts'
import { strings } from '../../strings.ts'

/** auto first, then the backbone alone, then each adapter by digest. @param adapters digest → name */
export function adapterChoices(adapters: Record<string, string>): AdapterChoice[] {
  return ['auto', null, ...Object.keys(adapters)]
}

export function adapterLabel(choice: AdapterChoice, adapters: Record<string, string>): string {
  if (choice === 'auto') return strings.voice.auto
  if (choice === null) return strings.voice.none
  return adapters[choice] ?? `adapter ${choice.slice(0, 8)}`
}
