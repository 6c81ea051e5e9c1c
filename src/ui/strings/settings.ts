// Words of the settings room. See strings.ts.
export const settings = {
  settings: { title: 'Settings' },
}
