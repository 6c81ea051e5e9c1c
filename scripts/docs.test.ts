// What the documents claim about the repository is looked up in it: commands, paths, tests, and a page for each error code.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const below = (folder: string, kind: RegExp) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
    .filter((path) => kind.test(path))

const documents = ['README.md', ...readdirSync(join(root, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : []))]
const sources = ['src', 'devnet', 'scripts', 'bench']
  .flatMap((folder) => below(folder, /\.(ts|mjs|svelte)$/))
  .filter((path) => !/\.test\.ts$/.test(path))

it('every error code has a page, and every page a code', () => {
  const text = sources.map(read).join('\n')
  const thrown = new Set([...text.matchAll(/(?:OpenChatError|SetupError)\(\s*'([a-z][a-z_]+)'/g)].map(([, code]) => code!))
  const pages = readdirSync(join(root, 'docs/errors')).map((name) => name.replace(/\.md$/, ''))
  expect([...thrown].filter((code) => !pages.includes(code))).toEqual([])
  expect(pages.filter((page) => !text.includes(`'${page}'`))).toEqual([])
})

it('every npm script that a document names is there', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const document of documents) {
    const named = [...read(document).matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name]) => name!)
    expect(
      named.filter((name) => scripts[name] === undefined),
      document,
    ).toEqual([])
  }
})

it('every path and link that a document names leads somewhere', () => {
  for (const document of documents) {
    const text = read(document)
    const paths = [...text.matchAll(/`((?:src|devnet|contracts|scripts|bench|e2e|docs|adapters|public)\/[\w./-]+\.\w+)`/g)].map(
      ([, path]) => path!,
    )
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, path]) =>
      document === 'README.md' ? path! : join('docs', path!),
    )
    expect(
      [...paths, ...links].filter((path) => !existsSync(join(root, path))),
      document,
    ).toEqual([])
  }
})

it('every test that docs/security.md names exists under that name', () => {
  const named = [...read('docs/security.md').matchAll(/`([\w./-]+\.(?:test|spec|sol)(?:\.ts)?)` › ([^|;\n]+?)(?=\s*(?:[|;]|$))/gm)]
  expect(named.length).toBeGreaterThan(20)
  const missing = named.filter(([, file, title]) => !existsSync(join(root, file!)) || !read(file!).includes(title!))
  expect(missing.map(([, file, title]) => `${file} › ${title}`)).toEqual([])
})
