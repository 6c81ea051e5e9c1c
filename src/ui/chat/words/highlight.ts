// Colours for code: highlight.js without its languages, each of which is loaded when the first block in it has been written.
// It returns markup of spans with classes and nothing else; what is unknown or very long stays plain.
import type { HLJSApi, LanguageFn } from 'highlight.js'

/** Longest block that is coloured, in characters: beyond it a frame would be lost. */
const LONGEST = 20_000

type Grammar = Promise<{ default: LanguageFn }>
const GRAMMARS: Record<string, () => Grammar> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  c: () => import('highlight.js/lib/languages/c'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  css: () => import('highlight.js/lib/languages/css'),
  diff: () => import('highlight.js/lib/languages/diff'),
  go: () => import('highlight.js/lib/languages/go'),
  ini: () => import('highlight.js/lib/languages/ini'),
  java: () => import('highlight.js/lib/languages/java'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  php: () => import('highlight.js/lib/languages/php'),
  python: () => import('highlight.js/lib/languages/python'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  rust: () => import('highlight.js/lib/languages/rust'),
  sql: () => import('highlight.js/lib/languages/sql'),
  swift: () => import('highlight.js/lib/languages/swift'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
}

const ALIASES: Record<string, string> = {
  'c++': 'cpp',
  cs: 'csharp',
  console: 'bash',
  html: 'xml',
  js: 'javascript',
  jsx: 'javascript',
  kt: 'kotlin',
  mjs: 'javascript',
  py: 'python',
  python3: 'python',
  rb: 'ruby',
  rs: 'rust',
  sh: 'bash',
  shell: 'bash',
  solidity: 'typescript',
  sol: 'typescript',
  svelte: 'xml',
  svg: 'xml',
  toml: 'ini',
  ts: 'typescript',
  tsx: 'typescript',
  vue: 'xml',
  yml: 'yaml',
  zsh: 'bash',
}

let highlighter: HLJSApi | undefined
const coming = new Map<string, Promise<unknown>>()

/** Name of the grammar for what stands after the fence, or null. */
export function grammarOf(language: string): string | null {
  const name = language.trim().toLowerCase()
  const found = Object.hasOwn(ALIASES, name) ? ALIASES[name] : name
  return Object.hasOwn(GRAMMARS, found) ? found : null
}

/** Markup of `code` in colours; a promise when its grammar is still on its way; null when it stays plain. */
export function highlighted(code: string, language: string): string | Promise<unknown> | null {
  const grammar = grammarOf(language)
  if (grammar === null || code.length > LONGEST) return null
  if (highlighter?.getLanguage(grammar)) return highlighter.highlight(code, { language: grammar, ignoreIllegals: true }).value
  const promise = coming.get(grammar) ?? load(grammar)
  coming.set(grammar, promise)
  return promise
}

async function load(grammar: string): Promise<void> {
  const [core, language] = await Promise.all([import('highlight.js/lib/core'), GRAMMARS[grammar]()])
  highlighter ??= core.default
  highlighter.registerLanguage(grammar, language.default)
}
