import { describe, expect, it } from 'vitest'
import { readKeyFile, writeKeyFile } from './key-file.ts'

/** Test vectors of the Web3 Secret Storage Definition; passphrase "testpassword". */
const SECRET = '0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
const PBKDF2 = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    kdf: 'pbkdf2',
    kdfparams: { c: 262144, dklen: 32, prf: 'hmac-sha256', salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd' },
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}
const SCRYPT = {
  ...PBKDF2,
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    kdf: 'scrypt',
    kdfparams: { dklen: 32, n: 262144, p: 8, r: 1, salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19' },
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  },
}
const text = (file: object) => JSON.stringify(file)

describe('key file', () => {
  it('opens the published files', async () => {
    expect(await readKeyFile(text(PBKDF2), 'testpassword')).toBe(SECRET)
    expect(await readKeyFile(text(SCRYPT), 'testpassword')).toBe(SECRET)
    await expect(readKeyFile(text(PBKDF2), 'testpasswort')).rejects.toMatchObject({ code: 'key_file_locked' })
  })

  it('opens what it wrote, and holds the key nowhere in the open', async () => {
    const file = await writeKeyFile(SECRET, 'a passphrase')
    expect(file).not.toContain(SECRET.slice(2))
    expect(await readKeyFile(file, 'a passphrase')).toBe(SECRET)
  })

  it.each([
    ['no JSON', 'words', 'key_file_invalid'],
    ['another version', text({ ...PBKDF2, version: 1 }), 'key_file_invalid'],
    ['another cipher', text({ ...PBKDF2, crypto: { ...PBKDF2.crypto, cipher: 'aes-128-cbc' } }), 'key_file_invalid'],
    ['a longer key', text({ ...PBKDF2, crypto: { ...PBKDF2.crypto, ciphertext: 'ab'.repeat(64) } }), 'key_file_invalid'],
    ['a foreign address', text({ ...PBKDF2, address: '11'.repeat(20) }), 'key_file_invalid'],
    [
      'hours of rounds',
      text({ ...PBKDF2, crypto: { ...PBKDF2.crypto, kdfparams: { ...PBKDF2.crypto.kdfparams, c: 1e12 } } }),
      'key_file_invalid',
    ],
    [
      'gigabytes of memory',
      text({ ...SCRYPT, crypto: { ...SCRYPT.crypto, kdfparams: { ...SCRYPT.crypto.kdfparams, n: 2 ** 24, r: 8 } } }),
      'key_file_invalid',
    ],
    ['a changed ciphertext', text({ ...PBKDF2, crypto: { ...PBKDF2.crypto, ciphertext: 'ab'.repeat(32) } }), 'key_file_locked'],
  ])('refuses %s', async (_, file, code) => {
    await expect(readKeyFile(file, 'testpassword')).rejects.toMatchObject({ code })
  })
})
