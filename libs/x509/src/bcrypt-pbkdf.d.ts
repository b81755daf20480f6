declare module 'bcrypt-pbkdf' {
  /** bcrypt_pbkdf of OpenBSD: fills `out` with `outLength` bytes; not 0 for lengths that it does not take. */
  function pbkdf(
    password: Uint8Array,
    passwordLength: number,
    salt: Uint8Array,
    saltLength: number,
    out: Uint8Array,
    outLength: number,
    rounds: number,
  ): number;
  const bcrypt: { pbkdf: typeof pbkdf };
  export default bcrypt;
}
