// What the browser removed by itself is told once a visit, wherever the visitor is; the models room says more and mends it.
import { bytes } from '../format.ts'
import type { ModelsService } from '../services.ts'
import { strings } from '../strings.ts'
import type { Notices } from './notices.svelte.ts'
import type { Router } from './route.svelte.ts'

export function tellEvictions(models: Pick<ModelsService, 'subscribe'>, notices: Notices, router: Router): void {
  let told = false
  models.subscribe(({ evicted: [first] }) => {
    if (first === undefined || told) return
    told = true
    if (router.route.room === 'models') return
    const run = () => router.go({ room: 'models', id: null })
    notices.done(strings.eviction.told(first.name, bytes(first.bytes)), { label: strings.eviction.show, run })
  })
}
