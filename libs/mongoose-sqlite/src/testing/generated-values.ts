import fc from 'fast-check';

/** Characters that differ in UTF-8 and in UTF-16 order, in case, and in what an expression makes of them. */
const CHARACTERS = ['a', 'b', 'A', '.', '*', ' ', '\u0000', 'é', '\uffee', '𠮷'];
/** Of those, the ones that JavaScript (and so mingo) orders as MongoDB does. */
const PLAIN_CHARACTERS = CHARACTERS.filter((character) => character !== '𠮷');

/** Texts from few characters, so that they meet. */
export const texts = (plain: boolean): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...(plain ? PLAIN_CHARACTERS : CHARACTERS)), maxLength: 3 });

/** Values of every type that our documents index, but arrays. No NaN: mongoose casts no number to it. */
export const scalars = (plain: boolean): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constant(null),
    fc.integer({ min: -2, max: 2 }),
    fc.double({ noNaN: true }),
    fc.constantFrom(0, -0, 2 ** 31, -(2 ** 31), 2 ** 53, 1e-300, Infinity, -Infinity),
    texts(plain),
    fc.boolean(),
    fc.integer({ min: -2, max: 2 }).map((time) => new Date(time)),
    fc.date({ noInvalidDate: true }),
  );
