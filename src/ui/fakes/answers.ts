// What the fake engine says when a spec needs particular words: everything markdown can do, what hostile words try to do,
// and ten thousand words. Never in a production build.

/** The sample that a question asks for by one of these words, or undefined. */
export function askedSample(question: string): string | undefined {
  if (/\brich\b/.test(question)) return RICH
  if (/\bhostile\b/.test(question)) return hostileAnswer()
  if (/\bformula\b/.test(question)) return FORMULA
  if (/\breasoned\b/.test(question)) return REASONED
  if (/\bten thousand\b/.test(question)) return longAnswer(10_000)
  return undefined
}

const RICH = ` # Everything at once

- [x] a task that is done
- [ ] one that is not

Inline maths $E = mc^2$, and on a line of its own:

$$
\\int_0^1 x^2 \\, dx = \\frac{1}{3}
$$

It costs $5 or $6, which is no formula.

![a chart](https://pictures.example/x.png) and [a letter](mailto:somebody@example.org)

مرحبا بالعالم، هذا نص من اليمين إلى اليسار.

| ${'A very wide column of a table | '.repeat(8)}
| ${'--- | '.repeat(8)}
| ${'cell | '.repeat(8)}

${'Donaudampfschifffahrtsgesellschaftskapitänsmütze'.repeat(6)}

\`\`\`python
def area(r):
    # a comment
    return 3.14159 * r ** 2  # ${'very long line '.repeat(12)}
\`\`\`

The end.`

/** Quotes a sentence that ends inside a formula. */
const FORMULA = ' They say: Energy at rest is reckoned by everyone as $E = m. c^2$, and $p = m v$ is another matter.'

const REASONED = `<think>
The question is about ships, so I look for ships.

- first the navy
- then the seas
</think>

There were forty-eight of them.`

/** Every way in that hostile markdown or HTML is known to try; each names the global that would tell of its success. */
export function hostileAnswer(): string {
  const run = 'window.__ran=1'
  return [
    ' Hostile words:',
    `<script>${run}</script>`,
    `<img src=x onerror="${run}">`,
    `<svg onload="${run}"><script>${run}</script></svg>`,
    `<svg><style><img src=x onerror=${run}></style></svg>`,
    `<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=${run}&gt;">`,
    `<details open ontoggle="${run}">x</details>`,
    `<iframe srcdoc="<script>parent.__ran=1</script>"></iframe>`,
    `<form action="javascript:${run}"><button>go</button></form>`,
    `<a href="javascript:${run}">one</a> [two](javascript:${run}) [three](java&#115;cript:${run}) [four](data:text/html,<script>${run}</script>)`,
    `[five](JaVaScRiPt:${run}) [six]( javascript:${run}) <javascript:${run}> [seven](vbscript:x) [eight](blob:https://x/y) [nine](#/settings)`,
    `![ten](https://outside.example/x.png) ![eleven](javascript:${run}) ![twelve](data:image/svg+xml,<svg onload=${run}>)`,
    '<link rel="stylesheet" href="https://outside.example/x.css"><style>body{display:none}</style>',
    '<meta http-equiv="refresh" content="0;url=https://outside.example/x"><base href="https://outside.example/">',
    '<object data="https://outside.example/x"></object><embed src="https://outside.example/x">',
    '<video src="https://outside.example/x" autoplay></video><audio src="https://outside.example/x"></audio>',
    `<div style="position:fixed;inset:0" id="content" class="frame" onclick="${run}">cover</div>`,
    '<button popovertarget="x" data-copy>copy</button><mark data-span="0">forged</mark><var data-maths="block">x</var>',
    `$\\href{javascript:${run}}{x}$ $\\includegraphics{https://outside.example/x.png}$ $\\htmlStyle{color:red}{x}$ $<img src=x onerror=${run}>$`,
    `\`\`\`"><img/src=x/onerror=${run}>\n<script>${run}</script>\n\`\`\``,
    `| <img src=x onerror=${run}> | b |\n| --- | --- |\n| <script>${run}</script> | [c](javascript:${run}) |`,
    `[ref]: javascript:${run}\n\n[a reference][ref] <noscript><p title="</noscript><img src=x onerror=${run}>">`,
    'The end.',
  ].join('\n\n')
}

function longAnswer(words: number): string {
  const paragraph = 'Words follow words, and **some** of them are *strong* or `code`, and none of them stops the page while it is read.'
  const each = paragraph.split(' ').length
  return ` ${Array.from({ length: Math.ceil(words / each) }, (_, i) => (i % 12 === 11 ? `- item ${i}\n- ${paragraph}` : paragraph)).join('\n\n')}`
}
