// Words of the frame: rooms, colours, what every room says. See strings.ts.
export const frame = {
  product: 'Open Chat',

  /** Before the title of a tab in which something was said that nobody saw. */
  unseen: '● ',

  skip: 'Skip to the content',
  skipToQuestion: 'To the question',

  routes: { chat: 'Chat', datanets: 'Datanets', models: 'Models', ledger: 'Ledger', settings: 'Settings', verify: 'Verify' },

  theme: { label: 'Colours', auto: 'Auto', light: 'Light', dark: 'Dark', next: (now: string) => `Colours: ${now}. Change` },

  used: { notice: (amount: string) => `An answer took words of yours: ${amount} OPEN.`, look: 'Look' },
  close: 'Close',

  cancel: 'Cancel',

  undo: 'Undo',

  retry: 'Try again',

  loading: 'Loading …',

  eviction: { told: (name: string, size: string) => `The browser removed ${name} (${size}) to make room.`, show: 'Show' },

  updates: {
    waiting: 'A new version of this page is ready.',
    take: 'Update now',
    later: 'Later',
    postponed: 'The new version is taken when the answer has ended.',
    offline: 'No network. Chat with what is kept here goes on; nobody can be paid until it is back.',
  },

  document: {
    title: 'In context',
    contributor: 'Contributor',
    licence: 'Licence',
    year: 'Year',
    datanet: 'Datanet',
    commitment: 'Commitment',
    found: 'Found',
    foundTimes: (n: number) => (n === 1 ? 'once in all datanets searched' : `${n} times in all datanets searched`),
    amount: 'Amount',
    words: 'Tokens',
    more: 'Show more around it',
    others: (n: number) => (n === 1 ? 'It stands in one other place' : `It stands in ${n} other places`),
    othersWithin: 'They are all in this document.',
    othersNote: 'The earliest of them that this answer could draw on is paid.',
  },

  licences: ['CC0-1.0', 'CC-BY-4.0', 'CC-BY-SA-4.0', 'Public domain', 'MIT', 'Apache-2.0'],
}
