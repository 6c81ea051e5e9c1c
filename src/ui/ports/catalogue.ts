// What this deployment offers, from the small JSON file beside the page: one backbone, its adapters, its datanets.
// Every file in it is named with its digest, so that the file's server need not be trusted.
import type { Hex } from '../../attribution/types.ts'
import { OpenChatError } from '../../errors.ts'
import type { AdapterFile, ModelFile } from '../../workers/gpu-api.ts'
import type { ModelMemory } from '../../workers/library-api.ts'

export interface CatalogueAdapter extends AdapterFile {
  /** Datanets, with how many of their contributions, that it learned from. */
  lineage: { datanet: string; contributions: number }[]
}

export interface CatalogueDatanet {
  id: string
  /** sha256 of its manifest, and its folder's name below /datanets/. */
  digest: string
  name: string
  description: string
  licence: string
  /** Questions that fit it. */
  samples: string[]
  contributors: number
  documents: number
  tokens: number
  /** head_n of the contributions that are served with it. */
  head: Hex
  /** Of its files together. */
  bytes: number
}

/** A model as scripts/catalogue-models.ts completed it from its file. */
export interface CatalogueModel extends ModelFile {
  licence: string
  contextTokens: number
  architecture?: string
  memory?: ModelMemory
}

export interface Catalogue {
  models: CatalogueModel[]
  adapters: CatalogueAdapter[]
  datanets: CatalogueDatanet[]
}

/** @throws catalogue_unavailable */
export async function loadCatalogue(url = '/catalogue.json'): Promise<Catalogue> {
  try {
    const answer = await fetch(url)
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
    return (await answer.json()) as Catalogue
  } catch (cause) {
    throw new OpenChatError('catalogue_unavailable', 'The list of models and datanets could not be fetched.', {
      cause,
      action: 'Check the connection and reload the page.',
    })
  }
}
