// The check digits of numbers that people carry: what tells a card from any sixteen digits. Pure arithmetic on digit strings.
// Sources: ISO/IEC 7812-1 (Luhn), ISO 13616 and ISO 7064 (mod 97, mod 11,10), Verhoeff 1969, and the issuing states' rules
// named at each function.

const digit = (text: string, i: number): number => text.charCodeAt(i) - 48

/** Σ digitᵢ · weightᵢ */
const weighted = (digits: string, weights: readonly number[]): number =>
  weights.reduce((sum, weight, i) => sum + digit(digits, i) * weight, 0)

export function luhn(digits: string): boolean {
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const value = digit(digits, digits.length - 1 - i) * (1 + (i % 2))
    sum += value > 9 ? value - 9 : value
  }
  return sum % 10 === 0
}

/** Remainder of a decimal string of any length. */
export function remainder(digits: string, modulus: number): number {
  let rest = 0
  for (let i = 0; i < digits.length; i++) rest = (rest * 10 + digit(digits, i)) % modulus
  return rest
}

/** IBAN: the first four characters moved to the end, letters as two digits, ≡ 1 (mod 97). Upper case, no blanks. */
export function ibanHolds(iban: string): boolean {
  const moved = iban.slice(4) + iban.slice(0, 4)
  return remainder(Array.from(moved, (character) => Number.parseInt(character, 36)).join(''), 97) === 1
}

/** Verhoeff's multiplication in the dihedral group D5, and his permutation applied once. */
const product = (a: number, b: number): number =>
  a < 5 ? (b < 5 ? (a + b) % 5 : 5 + ((a + b) % 5)) : b < 5 ? 5 + ((a - b + 5) % 5) : (a - b + 5) % 5
const permutation = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]

/** India: Aadhaar. */
export function verhoeff(digits: string): boolean {
  let check = 0
  for (let i = 0; i < digits.length; i++) {
    let value = digit(digits, digits.length - 1 - i)
    for (let turn = i % 8; turn > 0; turn--) value = permutation[value]
    check = product(check, value)
  }
  return check === 0
}

/** Spain: the letter of DNI and NIE. */
export const dniLetter = (number: number): string => 'TRWAGMYFPDXBNJZSQVHLCKE'[number % 23]

/** Netherlands: BSN, the eleven test. Nine digits. */
export const bsnHolds = (digits: string): boolean => weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0 && Number(digits) > 0

/** Poland: PESEL. Eleven digits. */
export const peselHolds = (digits: string): boolean => weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1]) % 10 === 0

/** Finland: the last character of a henkilötunnus; `digits` are its date and number. */
export const hetuCharacter = (digits: string): string => '0123456789ABCDEFHJKLMNPRSTUVWXY'[Number(digits) % 31]

/** Brazil: both check digits of a CPF. Eleven digits, not all the same. */
export function cpfHolds(digits: string): boolean {
  const check = (length: number) => {
    let sum = 0
    for (let i = 0; i < length; i++) sum += digit(digits, i) * (length + 1 - i)
    return ((sum * 10) % 11) % 10 === digit(digits, length)
  }
  return !/^(\d)\1*$/.test(digits) && check(9) && check(10)
}

/** China: resident identity number, 17 digits and a character (ISO 7064 mod 11-2). */
export const residentIdHolds = (id: string): boolean =>
  '10X98765432'[weighted(id, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11] === id[17]

/** EAN-13, which the Swiss AHV number is. */
export const ean13Holds = (digits: string): boolean => weighted(digits, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]) % 10 === 0

/** Germany: Steuer-ID, ISO 7064 mod 11,10. Eleven digits, the first not 0. */
export function steuerIdHolds(digits: string): boolean {
  let product = 10
  for (let i = 0; i < 10; i++) product = (((digit(digits, i) + product) % 10 || 10) * 2) % 11
  return digits[0] !== '0' && (11 - product) % 10 === digit(digits, 10)
}

/** Norway: fødselsnummer, two digits mod 11. Eleven digits. */
export const fodselsnummerHolds = (digits: string): boolean =>
  weighted(digits, [3, 7, 6, 1, 8, 9, 4, 5, 2, 1]) % 11 === 0 && weighted(digits, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0

/** Italy: the last letter of a codice fiscale of 16 characters. */
export function codiceFiscaleHolds(code: string): boolean {
  const odd = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23]
  let sum = 0
  for (let i = 0; i < 15; i++) {
    const value = code.charCodeAt(i) < 58 ? digit(code, i) : code.charCodeAt(i) - 65
    sum += i % 2 === 0 ? odd[value] : value
  }
  return code.charCodeAt(15) - 65 === sum % 26
}
