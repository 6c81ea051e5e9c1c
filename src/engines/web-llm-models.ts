// Models of web-llm that are offered, out of the hundred it knows: one or two a size, by makers whose licence allows use.
// A list of our own, because asking the package costs 6 MB before anybody wanted it; a test holds it to the package's.
// Sizes are computed: 4-bit weights in groups of 32 with one scale, which is 16 bits in q4f16 and 32 in q4f32.

export interface WebLlmModel {
  /** web-llm's own name. */
  id: string
  name: string
  /** Of all layers, embeddings included. */
  parameters: number
  licence: string
}

export const WEB_LLM_HOST = 'huggingface.co'

export const WEB_LLM_MODELS: readonly WebLlmModel[] = [
  { id: 'SmolLM2-360M-Instruct-q4f32_1-MLC', name: 'SmolLM2 360M, full precision', parameters: 362e6, licence: 'Apache-2.0' },
  { id: 'SmolLM2-360M-Instruct-q4f16_1-MLC', name: 'SmolLM2 360M', parameters: 362e6, licence: 'Apache-2.0' },
  { id: 'Qwen3-0.6B-q4f16_1-MLC', name: 'Qwen3 0.6B', parameters: 596e6, licence: 'Apache-2.0' },
  { id: 'Llama-3.2-1B-Instruct-q4f16_1-MLC', name: 'Llama 3.2 1B', parameters: 1_236e6, licence: 'Llama 3.2 Community' },
  { id: 'Qwen3-1.7B-q4f16_1-MLC', name: 'Qwen3 1.7B', parameters: 1_721e6, licence: 'Apache-2.0' },
  { id: 'Llama-3.2-3B-Instruct-q4f16_1-MLC', name: 'Llama 3.2 3B', parameters: 3_213e6, licence: 'Llama 3.2 Community' },
  { id: 'Qwen3-4B-q4f16_1-MLC', name: 'Qwen3 4B', parameters: 4_022e6, licence: 'Apache-2.0' },
  { id: 'Mistral-7B-Instruct-v0.3-q4f16_1-MLC', name: 'Mistral 7B v0.3', parameters: 7_248e6, licence: 'Apache-2.0' },
  { id: 'Llama-3.1-8B-Instruct-q4f16_1-MLC', name: 'Llama 3.1 8B', parameters: 8_030e6, licence: 'Llama 3.1 Community' },
]

/** Whether it needs a GPU with half precision (shader-f16). */
export const needsHalf = ({ id }: WebLlmModel): boolean => id.includes('f16')

/** Bytes of its download, to about a hundredth. */
export const webLlmBytes = (model: WebLlmModel): number => Math.round((model.parameters * (4 + (needsHalf(model) ? 16 : 32) / 32)) / 8)

export const webLlmModel = (id: string): WebLlmModel | undefined => WEB_LLM_MODELS.find((model) => model.id === id)
