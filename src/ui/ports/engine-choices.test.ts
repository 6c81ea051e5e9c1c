import { describe, expect, test } from 'vitest'
import { OpenChatError } from '../../errors.ts'
import type { LocalModel } from '../services.ts'
import { choicesOf, type Known, proposalOf } from './engine-choices.ts'

const model: LocalModel = {
  ...{ digest: 'aa', name: 'Small', bytes: 100e6, licence: 'Apache-2.0', architecture: 'llama', contextTokens: 2048 },
  ...{ source: 'catalogue', urls: ['/m'], keptBytes: 40e6 },
}
const gpu = { gpu: 'card', software: false, f16: true }
const none = new OpenChatError('gpu_unavailable', 'None.')
const known = (more: Partial<Known> = {}): Known => ({ models: [model], gpu, cpu: null, webLlm: new Set(), endpoints: [], ...more })
const find = (choices: ReturnType<typeof choicesOf>, id: string) => choices.find((choice) => choice.id.startsWith(id))!

describe('what could answer', () => {
  test('is the file on card and processor, web-llm’s models with size and host, and the endpoints', () => {
    const endpoint = { id: 'remote:4', url: 'https://a.example/v1', model: 'large', sealed: null, keyed: false }
    const choices = choicesOf(known({ endpoints: [endpoint], webLlm: new Set(['Qwen3-4B-q4f16_1-MLC']) }))
    expect(find(choices, 'local:aa')).toMatchObject({ needsBytes: 60e6, host: null, adapters: true, hindrance: null })
    expect(find(choices, 'cpu:aa')).toMatchObject({ needsBytes: 60e6, adapters: false, hindrance: null })
    const large = find(choices, 'web-llm:Llama-3.2-1B')
    expect(large.needsBytes).toBeGreaterThan(600e6)
    expect(large.detail).toContain('huggingface.co')
    expect(large.detail).toMatch(/about 695/)
    expect(find(choices, 'web-llm:Qwen3-4B').needsBytes).toBe(0)
    expect(find(choices, 'remote:4').detail).toBe('Your question, its sources and the conversation leave this machine and go to a.example.')
  })

  test('says what the browser lacks for each', () => {
    const without = choicesOf(known({ gpu: none }))
    expect(find(without, 'local').hindrance).toBe(none)
    expect(find(without, 'web-llm').hindrance).toBe(none)
    expect(find(without, 'cpu').hindrance).toBeNull()
    const coarse = choicesOf(known({ gpu: { ...gpu, f16: false } }))
    expect(find(coarse, 'local').hindrance).toBeNull()
    expect(find(coarse, 'web-llm:Qwen3-4B').hindrance?.message).toContain('shader-f16')
    expect(coarse.some(({ engine, hindrance }) => engine === 'web-llm' && hindrance === null)).toBe(true)
  })

  test('proposes the processor where there is no card, or a played one, and nothing else', () => {
    expect(proposalOf(choicesOf(known({ gpu: none })), 'local:aa', none)).toMatchObject({
      id: 'cpu:aa',
      sentence: expect.stringContaining('60'),
    })
    const software = { ...gpu, software: true }
    expect(proposalOf(choicesOf(known({ gpu: software })), 'local:aa', software)).toMatchObject({ id: 'cpu:aa' })
    expect(proposalOf(choicesOf(known()), 'local:aa', gpu)).toBeNull()
    expect(proposalOf(choicesOf(known({ gpu: none })), 'cpu:aa', none)).toBeNull()
    expect(proposalOf(choicesOf(known({ gpu: none, cpu: none })), 'local:aa', none)).toBeNull()
  })
})
