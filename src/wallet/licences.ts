// Licences as contributions commit to them: by the hash of their name. Offered here so that the page needs no hashing.
export { nameHash } from '../attribution/contributions.ts'
