// Guesses what comes next by what came next before: the last tokens are looked up in the prompt and in what was said, and what
// followed them there is the guess. Where an answer quotes its source, that is the answer.
// Not a model, and not an index of other texts (workers/datanet-proposer.ts adds one).
// Source: prompt lookup decoding (Saxena 2023); the longest match wins, of equals the latest.
import type { Proposer } from './types.ts'

/** Longer matches guess no better. */
const longest = 12

export const promptProposer: Proposer = {
  propose(tokens, most, least) {
    let best = 0
    let from = 0
    const last = tokens.length - 1
    for (let end = last - 1; end >= 0 && best < longest; end--) {
      if (tokens[end] !== tokens[last]) continue
      let length = 1
      while (length < longest && length <= end && tokens[end - length] === tokens[last - length]) length++
      if (length > best) [best, from] = [length, end + 1]
    }
    return best < least ? [] : tokens.slice(from, from + most)
  },
}
