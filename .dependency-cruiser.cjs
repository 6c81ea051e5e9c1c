// The arrows of the house (docs/architecture.md): who may import whom. Everything not allowed is forbidden.
// `src/X` rooms name the rooms and packages they may reach; tests may reach anything inside src and test packages.
const rooms = {
  errors: { rooms: [], packages: [] },
  gpu: { rooms: ['errors'], packages: ['@huggingface/tokenizers', '@huggingface/jinja', '@mlc-ai/web-xgrammar'] },
  attribution: { rooms: ['errors'], packages: ['@noble/hashes'] },
  datanet: {
    rooms: ['errors', 'attribution'],
    packages: [
      '@noble/hashes',
      'fflate',
      'franc-min',
      'htmlparser2',
      'hyparquet',
      'hyparquet-compressors',
      'hyparquet-writer',
      'papaparse',
      'pdfjs-dist',
    ],
  },
  engines: { rooms: ['errors', 'chat/ports'], packages: ['@mlc-ai/web-llm', '@wllama/wllama'] },
  chat: { rooms: ['errors', 'attribution'], packages: [] },
  offline: { rooms: [], packages: [] },
  storage: { rooms: ['errors'], packages: ['idb-keyval', '@noble/hashes', 'hash-wasm'] },
  wallet: { rooms: ['errors', 'attribution', 'storage', 'chat/ports'], packages: ['viem', '@noble/hashes', 'valibot', 'mipd'] },
  workers: {
    rooms: [
      ...['gpu', 'attribution', 'datanet', 'engines', 'wallet/light-client', 'wallet/verification', 'storage', 'errors'],
      ...['chat/ports', 'chat/archive', 'chat/conversation'],
    ],
    packages: ['comlink', 'fflate', 'pdfjs-dist', '@mlc-ai/web-llm', '@mlc-ai/web-xgrammar'],
  },
  ui: {
    rooms: ['chat', 'engines', 'workers', 'wallet', 'storage', 'errors', 'attribution/types'],
    packages: ['svelte', 'marked', 'dompurify', 'fflate', 'highlight.js', 'katex', 'uplot'],
  },
}

const TEST = '\\.(test|gpu\\.test|chain\\.test|broken|testing)\\.ts$'
const inRoom = (name) => (name === 'errors' ? '^src/errors(\\.test)?\\.ts$' : `^src/${name}/`)
const allowedPath = (name) => (name.includes('/') ? `^src/${name}` : name === 'errors' ? '^src/errors\\.ts$' : `^src/${name}/`)

const forbidden = Object.entries(rooms).flatMap(([room, may]) => [
  {
    name: `${room}-rooms`,
    comment: `${room} may import only ${may.rooms.join(', ') || 'nothing'}`,
    severity: 'error',
    from: { path: inRoom(room), pathNot: TEST },
    to: {
      path: '^(src|devnet|provider|scripts|bench|e2e)/',
      pathNot: [inRoom(room), ...may.rooms.map(allowedPath)],
    },
  },
  {
    name: `${room}-packages`,
    comment: `${room} may use only the packages ${may.packages.join(', ') || '(none)'}`,
    severity: 'error',
    from: { path: inRoom(room), pathNot: TEST },
    to: {
      path: 'node_modules',
      pathNot: may.packages.map((p) => `node_modules/${p}/`),
      dependencyTypesNot: ['type-only'],
    },
  },
])

module.exports = {
  forbidden: [
    ...forbidden,
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    {
      name: 'ui-reaches-workers-only-through-rpc',
      severity: 'error',
      from: { path: '^src/ui/', pathNot: TEST },
      to: { path: '^src/workers/', pathNot: '^src/workers/(rpc|[a-z-]+-api)' },
    },
    { name: 'no-node-in-the-page', severity: 'error', from: { path: '^src/', pathNot: TEST }, to: { dependencyTypes: ['core'] } },
    { name: 'devnet-not-ui', severity: 'error', from: { path: '^(devnet|provider)/' }, to: { path: '^src/ui/' } },
    { name: 'page-not-devnet', severity: 'error', from: { path: '^src/', pathNot: TEST }, to: { path: '^(devnet|scripts|bench|e2e)/' } },
    { name: 'not-resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(\\?raw|\\?worker|\\?url)$' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['svelte', 'import', 'types', 'browser', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
