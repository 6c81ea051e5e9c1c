// The files of a model as one GGUF file, in whichever form they come: one GGUF file, its parts, or a folder of safetensors.
// What loads a model, copies it or looks into it takes what comes out of here and knows one form only.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'
import { isFolderFile, openHfFolder } from './hf-folder.ts'
import { joinSplitGguf, type NamedSource, splitNames } from './split-gguf.ts'

/**
 * @param files all that belong to one model; a folder may hold others beside them
 * @param name of the model, for a form that does not say it
 * @example await loadEngine({ device, source: await modelSource([{ name: 'config.json', source }, …]) })
 * @throws model_part_missing, model_parts_mixed, and what reading the form found throws
 */
export async function modelSource(files: readonly NamedSource[], name: string | null = null): Promise<ByteSource> {
  const parts = files.filter((file) => splitNames(baseName(file.name)) !== null)
  if (parts.length > 0) return joinSplitGguf(parts)
  const whole = files.filter((file) => /\.gguf$/i.test(file.name))
  const [only] = files.length === 1 ? files : whole
  if (only !== undefined && (files.length === 1 || whole.length === 1) && !isFolderFile(only.name)) return only.source
  if (whole.length > 1) {
    const names = whole.map((file) => baseName(file.name)).slice(0, 3)
    throw new OpenChatError('model_parts_mixed', `There are ${whole.length} models among these files: ${names.join(', ')}.`, {
      meta: { file: names[1] },
      action: 'Choose one of them.',
    })
  }
  return openHfFolder(
    files.filter((file) => isFolderFile(file.name)),
    name,
  )
}

const baseName = (path: string) => path.split('/').at(-1) ?? path
