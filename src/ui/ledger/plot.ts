// The picture of earned and spent by day, with uplot. Decorative: the table beside it says the same (Earnings.svelte). Loaded with
// the ledger's first flows only.
// Invariant: colours are the page's own tokens, read again when the theme changes.
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { DayFlow } from './flows.ts'

const HEIGHT = 200
/** wei → OPEN as a float: for a picture only. */
const height = (wei: bigint): number => Number(wei / 10n ** 9n) / 1e9

/** Draws into `target` and follows its width and the theme. @returns stop */
export function drawFlows(target: HTMLElement, flows: readonly DayFlow[], words: { earned: string; spent: string }): () => void {
  let plot: uPlot | undefined
  const days = flows.map(({ day }) => +new Date(`${day}T12:00`) / 1000)
  const data: uPlot.AlignedData = [days, flows.map(({ earned }) => height(earned)), flows.map(({ spent }) => height(spent))]
  const draw = () => {
    plot?.destroy()
    const colour = (token: string) => resolved(target, token)
    const bars = uPlot.paths.bars!({ size: [0.4, 24], align: 1 })
    const after = uPlot.paths.bars!({ size: [0.4, 24], align: -1 })
    const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } }
    const series = (label: string, token: string, paths: uPlot.Series.PathBuilder): uPlot.Series => ({
      label,
      paths,
      stroke: colour(token),
      fill: colour(token),
      points: { show: false },
    })
    plot = new uPlot(
      {
        width: Math.max(200, target.clientWidth),
        height: HEIGHT,
        cursor: { show: false },
        legend: { show: false },
        scales: {
          x: { range: (_, least, most) => [least - 86_400, most + 86_400] },
          y: { range: (_, __, most) => [0, most > 0 ? 1.1 * most : 1] },
        },
        axes: [
          axis,
          { ...axis, size: 64, values: (_, ticks) => ticks.map((tick) => tick.toLocaleString([], { maximumSignificantDigits: 3 })) },
        ],
        series: [{}, series(words.earned, '--accent', after), series(words.spent, '--mark', bars)],
      },
      data,
      target,
    )
  }
  draw()
  const sizes = new ResizeObserver(() => plot?.setSize({ width: Math.max(200, target.clientWidth), height: HEIGHT }))
  sizes.observe(target)
  const themes = new MutationObserver(draw)
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] })
  const dark = matchMedia('(prefers-color-scheme: dark)')
  dark.addEventListener('change', draw)
  return () => {
    sizes.disconnect()
    themes.disconnect()
    dark.removeEventListener('change', draw)
    plot?.destroy()
  }
}

/** A token's colour as the browser computes it: a canvas knows no light-dark(). */
function resolved(target: HTMLElement, token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${token})`
  target.append(probe)
  const { color } = getComputedStyle(probe)
  probe.remove()
  return color
}
