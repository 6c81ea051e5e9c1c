// What a careful reader would remark about a text, as flags: it hinders nobody. Counts over characters, lines and words of a
// bounded sample; no model judges. The thresholds are ours, set on the seed datanets (none of whose texts should be flagged
// but for what is true of them) and on texts that are clearly bad.
import type { IntakeFlag } from './intake-types.ts'

/** UTF-16 units that are looked at, from the start; a longer text is like its beginning. */
const LOOKED_AT = 200_000
const SHORT_WORDS = 40

const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)
const percent = (value: number): string => `${Math.round(100 * value)} %`
const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0

const COPYRIGHT =
  /all rights reserved|alle rechte vorbehalten|tous droits réservés|todos los derechos reservados|no part of this (?:book|publication|work) may be reproduced|©\s*(?:19|20)\d\d|\(c\)\s*(?:19|20)\d\d/i
const ASSISTANT =
  /\bas an ai (?:language )?model\b|\bi(?:'m| am) (?:just )?an ai (?:assistant|language model)\b|\bmy knowledge cutoff\b|\bas of my last (?:knowledge )?update\b|\bi cannot assist with that\b|\[your name\]|\bcertainly! here(?:'s| is)\b|\bregenerate response\b/i
const BOILERPLATE =
  /\b(?:cookie (?:policy|settings|preferences)|accept (?:all )?cookies|privacy policy|terms of (?:use|service)|subscribe to our newsletter|sign in|log in|skip to (?:main )?content|share on (?:facebook|twitter)|javascript (?:is|must be) (?:disabled|enabled)|click here|read more|related articles|back to top)\b/gi

/** Flags of a clean, masked text. `certain` are the languages found in its parts. */
export function qualityFlags(text: string, languages: readonly { name: string }[], told: boolean): IntakeFlag[] {
  const sample = text.slice(0, LOOKED_AT)
  const flags: IntakeFlag[] = []
  const flag = (code: IntakeFlag['code'], sentence: string) => flags.push({ code, sentence })

  const words = count(sample, /[\p{L}\p{N}]+/gu)
  if (words < SHORT_WORDS) flag('too_short', `It has ${words} words: little of it can be quoted and paid.`)

  const lines = sample.split('\n').filter((line) => line.trim().length > 3)
  const repeated = share(lines.length - new Set(lines.map((line) => line.trim())).size, lines.length)
  if (lines.length >= 20 && repeated > 0.3) flag('repeated_lines', `${percent(repeated)} of its lines repeat another one.`)

  const phrases = count(sample, BOILERPLATE)
  if (phrases >= 4 && phrases * 150 > words) flag('boilerplate', `${phrases} phrases are those of web pages' frames, not of their text.`)

  const visible = count(sample, /\S/gu)
  const markup = (sample.match(/<\/?[a-z][^<>]{0,200}>|&[a-z]{2,8};|\{\{[^{}]{0,200}\}\}/gi) ?? []).reduce(
    (sum, tag) => sum + tag.length,
    0,
  )
  if (share(markup, visible) > 0.25) flag('mostly_markup', `${percent(share(markup, visible))} of it is markup.`)

  const digits = share(count(sample, /\p{N}/gu), visible)
  if (digits > 0.3) flag('mostly_digits', `${percent(digits)} of its characters are digits.`)

  const code = share(
    lines.filter((line) =>
      /[;{}]\s*$|^\s*(?:import|from|def|class|function|const|let|var|return|if|for|while|#include|public|private|end)\b.*[({:;]|^\s*(?:\/\/|\/\*|\*\/|#!)|[=!]==?|=>|->|::/.test(
        line,
      ),
    ).length,
    lines.length,
  )
  if (lines.length >= 8 && code > 0.4) flag('mostly_code', `${percent(code)} of its lines look like program text.`)

  const odd = share(count(sample, /[^\p{L}\p{M}\p{N}\p{P}\p{Zs}\n\t$+<=>^`|~]|\ufffd|(?<=\p{L})[|\\~^¬](?=\p{L})/gu), visible)
  const broken = share(count(sample, /(?<!\S)[\p{L}](?!\S)(?:\s[\p{L}](?!\S)){2,}|\p{Ll}\p{Lu}\p{Ll}+\p{Lu}|\p{L}\d\p{L}{2,}/gu), words)
  if (words >= SHORT_WORDS && (odd > 0.03 || broken > 0.04)) flag('ocr_noise', 'Many words are broken as a scanner breaks them.')

  if (languages.length > 1)
    flag('mixed_languages', `Its parts are in different languages: ${languages.map(({ name }) => name).join(', ')}.`)
  if (!told && words >= SHORT_WORDS) flag('no_language', 'Its language cannot be told.')

  const notice = COPYRIGHT.exec(sample) ?? COPYRIGHT.exec(text.slice(-5_000))
  if (notice !== null)
    flag('copyright_notice', `It says “${notice[0].replace(/\s+/g, ' ')}”: contribute it only if the rights are yours or free.`)
  const phrase = ASSISTANT.exec(sample)
  if (phrase !== null)
    flag('assistant_phrases', `It holds “${phrase[0].replace(/\s+/g, ' ')}”, which assistants write; if a program wrote it, say so.`)
  return flags
}
