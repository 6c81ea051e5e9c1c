// Reads what the trace command is given: index folders, JSON, bytes. Not the page's storage (src/storage).
// Invariant: a file that is missing or is no JSON is a typed error that names the file and not its folder.
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { IndexFiles } from '../src/attribution/index/shard.ts'
import { OpenChatError } from '../src/errors.ts'

export const indexKinds = ['tokenized', 'table', 'offset', 'metadata', 'metaoff', 'unigram'] as const
const needed: readonly string[] = ['tokenized', 'table', 'offset']

/**
 * Shards of an index folder, ordered by file name as text like the reference (`tokenized.10` before `tokenized.2`).
 * Other files are ignored. @throws index_invalid
 */
export async function readIndexFolder(folder: string): Promise<IndexFiles[]> {
  const names = await listFolder(folder)
  const shards = names.filter((name) => name.startsWith('tokenized.')).map((name) => name.slice('tokenized.'.length))
  if (shards.length === 0) throw new OpenChatError('index_invalid', `The folder "${basename(folder)}" holds no file tokenized.0.`)
  return Promise.all(
    shards.sort().map(async (shard) => {
      const files = await Promise.all(
        indexKinds
          .filter((kind) => needed.includes(kind) || names.includes(`${kind}.${shard}`))
          .map(async (kind) => [kind, await readBytes(join(folder, `${kind}.${shard}`), 'index_invalid')] as const),
      )
      return Object.fromEntries(files) as unknown as IndexFiles
    }),
  )
}

/** @throws `code` when it cannot be read */
export async function readBytes(path: string, code: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw unreadable(path, code, cause)
  }
}

/** A JSON object from a file. @throws `code` when it is not one */
export async function readJson(path: string, code: string): Promise<Record<string, unknown>> {
  const value = await readJsonValue(path, code)
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new OpenChatError(code, `The file "${basename(path)}" does not hold a JSON object.`)
  return value as Record<string, unknown>
}

/** A JSON list from a file. @throws `code` when it is not one */
export async function readJsonList(path: string, code: string): Promise<unknown[]> {
  const value = await readJsonValue(path, code)
  if (!Array.isArray(value)) throw new OpenChatError(code, `The file "${basename(path)}" does not hold a JSON list.`)
  return value
}

async function readJsonValue(path: string, code: string): Promise<unknown> {
  const bytes = await readBytes(path, code)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new OpenChatError(code, `The file "${basename(path)}" is not JSON.`, { cause })
  }
}

async function listFolder(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (cause) {
    throw unreadable(folder, 'index_invalid', cause)
  }
}

function unreadable(path: string, code: string, cause: unknown): OpenChatError {
  return new OpenChatError(code, `"${basename(path)}" cannot be read.`, { action: 'Check the path.', cause })
}
