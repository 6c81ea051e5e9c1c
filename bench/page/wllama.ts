// The same model file and the same question through wllama alone, its own cache included: what another engine needs from a
// reload to the first word. `#answer` fills as words come; its `data-end` says how it ended.
import { Wllama } from '@wllama/wllama'
import wasm from '@wllama/wllama/esm/wasm/wllama.wasm?url'

const query = new URLSearchParams(location.search)
const answer = document.getElementById('answer')!
try {
  const wllama = new Wllama({ default: wasm })
  await wllama.loadModelFromUrl(new URL(query.get('model')!, location.href).href, { n_ctx: 2048, n_gpu_layers: 0 })
  const stream = await wllama.createChatCompletion({
    messages: [{ role: 'user', content: query.get('question')! }],
    max_tokens: Number(query.get('tokens')),
    temperature: 0,
    stream: true,
  })
  for await (const { choices } of stream) answer.textContent += choices[0]?.delta.content ?? ''
  answer.dataset.end = 'stop'
} catch (error) {
  answer.dataset.end = String(error)
}
