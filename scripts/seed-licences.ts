// The licences of the SPDX list as documents of the *law* datanet, and who keeps each. Not legal knowledge: a steward is named
// where the identifier gives it away, and else a text stands under its own name.
// Invariants: licences with the same words are one document, under its shortest identifier; stewards come in the order of
// STEWARDS (roughly of age, because of equal words the earliest is paid), then the other texts by name; documents by identifier.
// Source: spdx-license-list 6.12.0 (the list is CC0-1.0; each text is its steward's and may be copied verbatim).
import { OpenChatError } from '../src/errors.ts'
import type { SeedDocument } from './seed-build.ts'
import { oneLine, paragraphs } from './seed-paragraphs.ts'
import { tarballFiles } from './seed-tarball.ts'

const STEWARDS: [pattern: RegExp, steward: string][] = [
  [/^(MIT|X11)$/, 'Massachusetts Institute of Technology'],
  [/^BSD-(\d-Clause|4-Clause-UC)$/, 'Regents of the University of California'],
  [/^(L?GPL|GFDL|AGPL-3|FSF)/, 'Free Software Foundation'],
  [/^Artistic-/, 'The Perl Foundation'],
  [/^Apache-/, 'Apache Software Foundation'],
  [/^LPPL-/, 'The LaTeX Project'],
  [/^OLDAP-/, 'OpenLDAP Foundation'],
  [/^W3C/, 'World Wide Web Consortium'],
  [/^(CNRI-)?Python-|^PSF-/, 'Python Software Foundation'],
  [/^(MPL|NPL)-/, 'Mozilla Foundation'],
  [/^(CDDL|SISSL|SPL|Sun-)/, 'Sun Microsystems'],
  [/^(APSL|AML)/, 'Apple Inc.'],
  [/^(CPL|IPL)-/, 'IBM Corporation'],
  [/^(AFL|OSL|NOSL)-/, 'Lawrence Rosen'],
  [/^ZPL-/, 'Zope Foundation'],
  [/^PHP-/, 'The PHP Group'],
  [/^CC/, 'Creative Commons Corporation'],
  [/^EPL-/, 'Eclipse Foundation'],
  [/^CECILL-/, 'CEA, CNRS and INRIA Institute'],
  [/^OFL-/, 'SIL International'],
  [/^MS-/, 'Microsoft Corporation'],
  [/^EUPL-/, 'European Commission'],
  [/^Unicode-/, 'Unicode Consortium'],
  [/^(ODbL|ODC|PDDL)-/, 'Open Data Commons Project'],
  [/^OGL-UK-/, 'The National Archives Office'],
  [/^CDLA-/, 'The Linux Foundation'],
  [/^CERN-/, 'CERN Organisation'],
]

interface Licence {
  name: string
  licenseText: string
}

/** Documents by steward, then identifier. @throws seed_invalid when the archive is not the expected one */
export async function readLicences(tarball: string): Promise<SeedDocument[]> {
  let list: Record<string, Licence> = {}
  for await (const { name, bytes } of tarballFiles(tarball)) {
    if (name === 'package/spdx-full.json') list = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, Licence>
  }
  const ids = Object.keys(list).sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
  if (ids.length !== 727) {
    throw new OpenChatError('seed_invalid', `The seed package holds ${ids.length} licences, expected 727.`, {
      action: 'Delete the packages folder of the state folder, then start again.',
    })
  }
  const byText = new Map<string, { id: string; name: string; text: string }>()
  for (const id of ids) {
    const { name, licenseText } = list[id] as Licence
    const text = paragraphs(licenseText)
    const words = text.toLowerCase().replace(/\s+/gu, ' ')
    // Ids are sorted, so the shortest of a text stays.
    if (!byText.has(words)) byText.set(words, { id, name: oneLine(name), text })
  }
  const documents = [...byText.values()].map(({ id, name, text }) => {
    const place = STEWARDS.findIndex(([pattern]) => pattern.test(id))
    const own = name.replace(/\s+(?:v|version\s*)?\d+(?:\.\d+)*\b.*$/iu, '').replace(/\s+(?:only|or later)$/iu, '')
    const author = STEWARDS[place]?.[1] ?? `Authors of ${/licen[sc]e/iu.test(own) ? own : `${own} License`}`
    return { place: place < 0 ? STEWARDS.length : place, id, author, title: `${name} (${id})`, text }
  })
  const by = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0)
  documents.sort((a, b) => by(a.place, b.place) || by(a.author, b.author) || by(a.id, b.id))
  return documents.map(({ author, title, text }) => ({ author, licence: 'Verbatim copies', title, year: null, text }))
}
