// Types of setup.mjs, which is plain JavaScript because it runs before any package is there.
export const root: string
export const stateDir: string
export function ensureModel(): Promise<string>
export function ensurePackedPackage(name: string, version: string): string
/** Tarballs of the packages that the seeded datanets are made from, by `name@version`. */
export function ensureSeedPackages(): Record<string, string>
/** A Chromium's executable, or undefined when there is none. */
export function findChromium(): string | undefined
/** Brings node-llama-cpp for scripts/llama-server.mjs. @returns its folder */
export function ensureLlamaServer(): string
