// The longest context that fits, by binary search over whole pages of the KV cache. Not a judge of what fits: whoever asks says
// that, from a budget of bytes, from a probe, or by allocating.
// Invariant: what fits at n tokens fits at fewer, and `fits` is asked at most 2 + log2(pages) times, the longest first.
import { OpenChatError } from '../../errors.ts'
import { pageTokens } from './kv-cache.ts'

export interface ContextRange {
  /** Shorter ones are of no use. */
  least: number
  /** The model's own, or what the caller caps it at. */
  most: number
}

/**
 * @param fits whether a context of so many tokens has room
 * @returns the longest of `most` and the whole pages below it that fits, never less than `least`; null when none does
 * @example await longestContext({ least: 512, most: 4096 }, (tokens) => planOf(shape, tokens).total <= budget)
 */
export async function longestContext(
  { least, most }: ContextRange,
  fits: (tokens: number) => boolean | Promise<boolean>,
): Promise<number | null> {
  if (most < least) return null
  if (await fits(most)) return most
  // `low` fits or is not known to, `high` does not.
  const lowest = Math.ceil(least / pageTokens)
  let low = lowest - 1
  let high = Math.ceil(most / pageTokens)
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (await fits(middle * pageTokens)) low = middle
    else high = middle
  }
  return low < lowest ? null : low * pageTokens
}

/**
 * What a context needs, made for the longest one that finds room: where making it runs out of memory, the search goes on below,
 * each trial made in earnest and given back. Whatever else is held meanwhile (weights) stays.
 * @throws gpu_out_of_memory when `least` finds none, and whatever else `make` throws
 */
export async function madeLongest<T>(
  { least, most }: ContextRange,
  make: (tokens: number) => Promise<T>,
  release: (made: T) => void,
): Promise<T> {
  const tried = async (tokens: number): Promise<T | OpenChatError> => {
    try {
      return await make(tokens)
    } catch (error) {
      if (error instanceof OpenChatError && error.code === 'gpu_out_of_memory') return error
      throw error
    }
  }
  for (let upper = most; ; ) {
    const made = await tried(upper)
    if (!(made instanceof OpenChatError)) return made
    const below = (Math.ceil(upper / pageTokens) - 1) * pageTokens
    const found = await longestContext({ least, most: below }, async (tokens) => {
      const trial = await tried(tokens)
      if (trial instanceof OpenChatError) return false
      release(trial)
      return true
    })
    if (found === null) throw made
    upper = found
  }
}
