import { OpenChatError } from '../../errors.ts'

/** A rule of a tokenizer.json that is not computed here. @param what a sentence without its end @param key of the rule */
export function tokenizerUnsupported(what: string, key: string): OpenChatError {
  return new OpenChatError('tokenizer_unsupported', `${what}, which is not known here.`, {
    meta: { key },
    action: 'Choose a model of the SmolLM, Llama, Mistral or Qwen2 family, or its GGUF file.',
  })
}
