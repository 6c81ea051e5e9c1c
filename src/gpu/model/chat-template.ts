// Messages to token ids through the chat template inside the GGUF file. Not a tokenizer, not a conversation.
// Invariant: only the template makes control tokens. What a visitor typed, or what stands in a retrieved passage, is text, also
// when it spells `<|im_end|>`; yet for harmless words the ids are exactly those of the whole rendering encoded at once.
// How: wherever a control token could begin, continue or end in a message, the character is replaced by a private one before
// rendering and put back after the rendering was cut at the control tokens that remain: those are the template's own.
import { Template } from '@huggingface/jinja'
import { OpenChatError } from '../../errors.ts'
import type { GgufFile } from '../formats/gguf.ts'
import type { ChatTurn } from '../types.ts'
import type { Tokenizer } from './tokenizer.ts'

export interface ChatTemplate {
  /**
   * Ids of a conversation with the generation prompt, then of `begin`, the words the answer is made to begin with.
   * @throws chat_template_failed when the template refuses the messages
   */
  encode(messages: readonly ChatTurn[], begin?: string): number[]
}

const roles = ['system', 'user', 'assistant']
const privateUse = 0xe000
const privateUseEnd = 0xf8ff

/**
 * @example createChatTemplate(gguf, createTokenizer(gguf)).encode([{ role: 'user', content: 'Hi' }])
 * @throws chat_template_failed when the file has no template or one that cannot be parsed
 */
export function createChatTemplate(gguf: GgufFile, tokenizer: Tokenizer): ChatTemplate {
  const source = gguf.metadata.get('tokenizer.chat_template')
  if (typeof source !== 'string') throw failed('The model file carries no chat template.')
  const template = attempt('The chat template of the model file cannot be read', () => new Template(source))
  const controls = [...tokenizer.controls.values()].filter((text) => text !== '')

  const encode = (messages: readonly ChatTurn[], begin = ''): number[] => {
    const unknown = messages.find(({ role }) => !roles.includes(role))
    if (unknown !== undefined) throw failed(`A message has the role ${String(unknown.role).slice(0, 40)}.`)
    const veil = createVeil(controls, [source, begin, ...messages.map(({ content }) => content)])
    const rendered = attempt('The chat template refused these messages', () =>
      template.render({
        messages: messages.map(({ role, content }) => ({ role, content: veil.cover(content) })),
        add_generation_prompt: true,
        bos_token: tokenizer.bosText,
        eos_token: tokenizer.eosText,
      }),
    )
    return tokenizer
      .cut(rendered + veil.cover(begin))
      .flatMap((part) => (typeof part === 'number' ? part : tokenizer.encode(veil.uncover(part))))
  }
  return { encode }
}

function failed(sentence: string, cause?: unknown): OpenChatError {
  return new OpenChatError('chat_template_failed', sentence, { action: 'Use a bare prompt, or another model.', cause })
}

function attempt<T>(what: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw failed(`${what}: ${cause instanceof Error ? cause.message.slice(0, 200) : 'unknown reason'}.`, cause)
  }
}

/**
 * Hides in a text the characters with which it could take part in a control token, alone or together with its neighbours.
 * Each distinct character gets a private code point that occurs nowhere in `texts`.
 */
function createVeil(controls: string[], texts: string[]) {
  const taken = new Set(texts.join(''))
  const coverOf = new Map<string, string>()
  const original = new Map<string, string>()
  let next = privateUse
  const veiled = (character: string): string => {
    const known = coverOf.get(character)
    if (known !== undefined) return known
    while (next <= privateUseEnd && taken.has(String.fromCharCode(next))) next++
    if (next > privateUseEnd) throw failed('The messages use every private character of Unicode.')
    const cover = String.fromCharCode(next++)
    coverOf.set(character, cover)
    original.set(cover, character)
    return cover
  }
  const cover = (text: string): string => {
    const hidden = new Set<number>()
    for (const control of controls) {
      for (let at = text.indexOf(control); at >= 0; at = text.indexOf(control, at + 1)) hidden.add(at)
      for (let length = 1; length < control.length; length++) {
        // A piece at an edge could be completed by the template or by another message.
        if (text.startsWith(control.slice(-length))) hidden.add(0)
        if (text.endsWith(control.slice(0, length))) hidden.add(text.length - length)
      }
      // So could a whole message that is the middle of a control token.
      if (text !== '' && control.includes(text)) hidden.add(0)
    }
    return [...hidden].sort((a, b) => b - a).reduce((out, at) => out.slice(0, at) + veiled(out[at]) + out.slice(at + 1), text)
  }
  const uncover = (text: string): string => (original.size === 0 ? text : Array.from(text, (c) => original.get(c) ?? c).join(''))
  return { cover, uncover }
}
