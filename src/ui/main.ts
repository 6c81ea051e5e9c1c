// The page begins here: chooses the services, makes the one App, mounts it. Nothing else is decided here, and the engine,
// the wallet and markdown arrive after the first paint.
import { mount } from 'svelte'
import './styles.css'
import AppFrame from './frame/AppFrame.svelte'
import Problem from './frame/Problem.svelte'
import { firstPaint } from './ports/first-paint.ts'
import type { Services } from './services.ts'
import { App } from './state/app.svelte.ts'

async function chooseServices(): Promise<Services> {
  const query = new URLSearchParams(location.search)
  // Builds for people hold no fakes: the branch is a constant false there and is removed with its import.
  if (import.meta.env.MODE !== 'production' && query.has('fake')) {
    const { createFakeServices } = await import('./fakes/services.ts')
    return createFakeServices(query)
  }
  const { createServices } = await import('./ports.ts')
  return createServices()
}

const target = document.getElementById('app')!

async function begin(): Promise<void> {
  // Before anything is opened: an open database cannot be deleted. Nothing is opened after it either; the next page begins anew.
  if (localStorage.getItem('open-chat/erase') !== null) {
    await (await import('./settings/erase.ts')).eraseEverything()
    return location.replace('/')
  }
  const app = new App(await chooseServices(), window)
  target.replaceChildren()
  mount(AppFrame, { target, props: { app } })
  await firstPaint()
  await app.begin()
  // Last, so that bringing a version to keep takes nothing from the first screen. Builds on fakes keep none.
  if (import.meta.env.PROD && !new URLSearchParams(location.search).has('fake')) await app.updates.begin('/service-worker.js')
}

try {
  await begin()
} catch (thrown) {
  target.replaceChildren()
  mount(Problem, { target, props: { thrown } })
}
