// How the pieces of a blob are called in their flat folder: `<at>.<chunk>` (six digits), `<at>.<chunk>.start` for one that was
// cut short, `<digest>.chunks` for the list, `<digest>.complete` for the mark that the file may be read.

export const chunkName = (at: string, chunk: number): string => `${at}.${String(chunk).padStart(6, '0')}`
export const startName = (at: string, chunk: number): string => `${chunkName(at, chunk)}.start`
export const listName = (digest: string): string => `${digest}.chunks`
export const completeName = (digest: string): string => `${digest}.complete`
