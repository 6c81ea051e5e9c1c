// Words of the models room. See strings.ts.
export const models = {
  models: { title: 'Models' },
}
