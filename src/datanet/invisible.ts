// Characters that nobody sees and every program reads: soft hyphens, blanks of no width, orders of direction, tags and stray
// variation selectors. They hide an address from the masks, an instruction from the reader and a copy from the comparison.
// Kept is what a script needs: joiners between letters that are no ASCII, the blank of no width where Thai, Khmer, Lao, Burmese
// and Tibetan part words, selectors after what they select, and the flags that are spelled in tags.
// Invariant: seen twice is seen once; what is left is what was there, less some of these.
// Source: UTS #51 (tag and zwj sequences), UAX #9 (directional formatting), UAX #14 (U+200B), Unicode 16 §23.

/** One scan tells that there is nothing to do, as in nearly every text. */
const ANY = /[\u00ad\u180e\u200b-\u200d\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0001}-\u{e01ef}]|[\ufe00-\ufe0f]/u
/** The first group is a flag spelled in tags, which stays. */
const ALWAYS =
  /(\u{1f3f4}[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f})|[\u00ad\u180e\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0001}-\u{e007f}]/gu
const SELECTORS = /[\ufe00-\ufe0f\u{e0100}-\u{e01ef}](?<![\p{Lo}\p{S}\p{Emoji}].)/gsu
const BLANKS = /\u200b(?<![\p{Script=Thai}\p{Script=Khmer}\p{Script=Lao}\p{Script=Myanmar}\p{Script=Tibetan}]\u200b)/gu
const JOINERS = /[\u200c\u200d]+/g
const isAscii = (unit: string | undefined) => unit !== undefined && unit > ' ' && unit <= '~'

/** The text without what cannot be seen. */
export function withoutInvisible(text: string): string {
  if (!ANY.test(text)) return text
  const rest = text.replace(ALWAYS, '$1').replace(SELECTORS, '').replace(BLANKS, '')
  // By its neighbours here, not by a lookbehind: that would walk back over a long run at each of its joiners.
  return rest.replace(JOINERS, (run, at: number) => (isAscii(rest[at - 1]) || isAscii(rest[at + run.length]) ? '' : run))
}
