// Finds which key of a PEFT `rank_pattern` or `alpha_pattern` governs a module. Not a general regex service: the pattern comes
// from a stranger's file, so shapes that can take exponential time are refused before they are compiled.
// Source: PEFT get_pattern_key: the first key, in the order of the file, whose `(.*\.)?(key)$` matches the module's name.
import { OpenChatError } from '../../errors.ts'

/** Real keys are names such as `8.self_attn.v_proj`; a few hold an alternation or a wildcard. */
const maxPatternLength = 256
const maxRepeats = 3

/**
 * @example patternFor(['8.self_attn.v_proj', 'v_proj'], 'model.layers.18.self_attn.v_proj') // 'v_proj'
 * @returns the first key that matches, or null
 * @throws adapter_unsupported when a key is no pattern this engine will run
 */
export function patternFor(keys: string[], path: string): string | null {
  for (const key of keys) if (compile(key).test(path)) return key
  return null
}

function compile(key: string): RegExp {
  const repeats = key.match(/[*+{]/g)?.length ?? 0
  if (key.length > maxPatternLength || repeats > maxRepeats || /\)[*+{]/.test(key)) throw refused(key)
  try {
    return new RegExp(`^(?:.*\\.)?(?:${key})$`)
  } catch (cause) {
    throw refused(key, cause)
  }
}

function refused(key: string, cause?: unknown): OpenChatError {
  return new OpenChatError('adapter_unsupported', `The pattern ${key.slice(0, 80)} of the adapter is too intricate to match.`, {
    meta: { pattern: key.slice(0, maxPatternLength) },
    action: 'Export it with plain module names as keys.',
    cause,
  })
}
