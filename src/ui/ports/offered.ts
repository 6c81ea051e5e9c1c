// The catalogue's models and adapters in the form of the library, before anything was looked at: what is offered, none of it kept.
import type { Library, LocalAdapter } from '../services.ts'
import type { Catalogue, CatalogueAdapter, CatalogueModel } from './catalogue.ts'

export const offered = ({ models, adapters }: Catalogue): Library => ({
  models: models.map((model) => ({ ...offeredModel(model), keptBytes: 0, transfer: null, leaving: false })),
  adapters: adapters.map((adapter) => offeredAdapter(adapter, models[0]?.sha256 ?? null)),
  evicted: [],
})

const offeredModel = ({ sha256, name, bytes, licence, architecture, contextTokens, urls, chunks, slidingWindow }: CatalogueModel) => ({
  digest: sha256,
  ...{ name, bytes, licence, contextTokens, urls, source: 'catalogue' as const, architecture: architecture ?? null },
  ...(chunks === undefined ? {} : { chunks }),
  ...(slidingWindow === undefined ? {} : { slidingWindow }),
})

/** @param base digest of this deployment's backbone, which its adapters were trained on */
const offeredAdapter = ({ digest, name, bytes, lineage, weights, config }: CatalogueAdapter, base: string | null): LocalAdapter => ({
  ...{ digest, name, bytes, lineage, weights, base },
  rank: null,
  source: 'catalogue',
  config: { url: config.url, sha256: config.sha256, bytes: config.bytes },
})
