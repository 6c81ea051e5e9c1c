// How long a conversation may be here, in tokens: what is asked for where memory allows, and what is the least of use.
// The model's own length is a bound as well, and memory decides between the two: gpu/model/context-length.ts.

/** Long enough for many turns with their sources; what it takes is taken at once (the default model: 188 MB of keys and values). */
export const CONTEXT_TOKENS = 4096
/** Where a processor plays the GPU, which would read a longer prompt for minutes. */
export const SOFTWARE_CONTEXT_TOKENS = 2048
/** Below this a source, a question and an answer have no room together. */
export const LEAST_CONTEXT = 512
