// The first load: index.html, all it names, and the services that begin() imports before the first keystroke. ≤ 90 kB gzipped.
import { readdirSync, readFileSync } from 'node:fs'

const page = '.open-chat/page'
const named = [...readFileSync(`${page}/index.html`, 'utf8').matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path)
const services = readdirSync(`${page}/assets`).filter((file) => /^(ports|dist)-.*\.js$/.test(file))

export default [
  {
    name: 'first load',
    path: [...new Set(['index.html', ...named, ...services.map((file) => `assets/${file}`)])].map((path) => `${page}/${path}`),
    gzip: true,
    limit: '90 kB',
  },
  // Some 65 kB are the engine (its aim is 60); the rest is its tokenizer, its templates (20 kB each, alone), hashing and comlink.
  { name: 'engine worker', path: `${page}/assets/gpu.worker-*.js`, gzip: true, limit: '115 kB' },
]
