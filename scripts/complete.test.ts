import { describe, expect, it } from 'vitest'
import { main as complete } from './complete.ts'
import { main as perplexity } from './perplexity.ts'

describe('commands, before a GPU is opened', () => {
  it.each([
    ['usage', complete, ['--model', 'm']],
    ['usage', complete, ['--prompt', 'a']],
    ['usage', complete, ['--model', 'm', '--prompt', 'a', '--tokens', '1']],
    ['usage', complete, ['--model', 'm', '--prompt', 'a', '--max-tokens', '1.5']],
    ['file_missing', complete, ['--model', 'nowhere/m.gguf', '--prompt', 'a']],
    ['file_missing', complete, ['--model', 'nowhere/m.gguf', '--prompt', 'a', '--adapter', 'nowhere/at/all']],
    ['usage', perplexity, ['--model', 'm', '--text', 't', '--context', '1']],
    ['file_missing', perplexity, ['--model', 'm', '--text', 'nowhere/t.txt']],
  ])('%s', async (code, main, args) => {
    await expect(main(args)).rejects.toMatchObject({ code })
  })
})
