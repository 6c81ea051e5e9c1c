// The model folders of test/vectors/engine/folders, for tests. The README there says what they are.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { memorySource } from './formats/bytes.testing.ts'
import type { NamedSource } from './formats/split-gguf.ts'
import type { ChatTurn } from './types.ts'
import { vectorJson, vectorsFolder } from './vectors.testing.ts'

export interface FolderVector {
  folder: string
  model_type: string
  dtype: string
  pre: string
  /** Texts that try the cut, as bare prompts. */
  strings: { text: string; tokens: number[] }[]
  chat: { messages: ChatTurn[]; tokens: number[] }
  cases: { tokens: number[]; text?: string; logits: string; greedy: number[]; logit_std: number }[]
}

export const folderVectors = vectorJson<{ folders: FolderVector[] }>('folders', 'manifest.json').folders

/** All files of a folder. */
export function folderFiles(folder: string): NamedSource[] {
  const path = join(vectorsFolder, 'folders', folder)
  return readdirSync(path).map((name) => ({ name: `${folder}/${name}`, source: memorySource(readFileSync(join(path, name))) }))
}
