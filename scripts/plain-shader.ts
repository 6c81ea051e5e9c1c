// A kernel's text as it travels: without comments, indentation and spaces about commas, + and *. Its lines stay, so that a GPU's
// complaint names the right one. Not a minifier: names stay.

export function plainShader(text: string): string {
  const lines = text.split('\n').map((line) => line.replace(/\/\/.*/, '').trim())
  return lines.map((line) => line.replace(/ ([*+]) |(,) /g, '$1$2')).join('\n')
}
