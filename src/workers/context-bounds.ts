// How long a conversation may be here, in tokens: what is asked for where memory allows, and what is the least of use.
// The model's own length is a bound as well, and memory decides between the two: gpu/model/context-length.ts.

/** Long enough for many turns with their sources; what it takes is taken at once (the default model: 189 MB of keys and values). */
const MOST = 4096
/** Where a processor plays the GPU, which would read a longer prompt for minutes. */
const MOST_IN_SOFTWARE = 2048

/** @param software whether a processor plays the GPU @param limit what the model was trained to, or memory leaves */
export const mostContext = (software: boolean, limit: number): number => Math.min(software ? MOST_IN_SOFTWARE : MOST, limit)

/** Below this a source, a question and an answer have no room together. */
export const LEAST_CONTEXT = 512
