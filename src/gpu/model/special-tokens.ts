// Whether a bare prompt begins with the BOS token. Not the templates: those write it themselves.
// Source: llama.cpp's llm_load_vocab: the file's key decides; without it, Llama 3's tokenizer adds one (many of its files lack the
// key), SentencePiece's too, and the other byte-level ones do not.
import type { GgufFile } from '../formats/gguf.ts'

export function addsBos({ metadata }: Pick<GgufFile, 'metadata'>): boolean {
  const key = metadata.get('tokenizer.ggml.add_bos_token')
  if (typeof key === 'boolean') return key
  return metadata.get('tokenizer.ggml.pre') === 'llama-bpe' || metadata.get('tokenizer.ggml.model') === 'llama'
}
