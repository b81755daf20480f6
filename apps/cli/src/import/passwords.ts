import type { ImportFields } from '@certferry/rest';
import { CliError, EXIT } from '../cli-error.ts';
import { promptPassword, readPassword, readPasswordFile, type PasswordOptions } from '../password.ts';

export interface ContainerPasswordOptions extends PasswordOptions {
  keyPasswordFile?: string;
  /** The password file is one password, to its last byte. */
  wholeFile?: boolean;
}

/** What one request takes. */
const MAX_PASSWORDS = 100;

/** The passwords of one command: those that were given, else those that are typed when one is asked for. */
export class Passwords {
  /** Of keys that have one of their own. */
  readonly keyPassword: string | undefined;
  /** Said behind "wrong password". */
  readonly hint: string;
  readonly #given: string[];
  readonly #typed: string[] = [];

  private constructor(given: { passwords: string[]; keyPassword: string | undefined; hint: string }) {
    this.#given = given.passwords;
    this.keyPassword = given.keyPassword;
    this.hint = given.hint;
  }

  /** Reads what was given: a file with a password a line, or an environment variable. */
  static async read(options: ContainerPasswordOptions): Promise<Passwords> {
    const keyPassword = await readPassword(
      { passwordFile: options.keyPasswordFile },
      { prompt: '', variable: 'CERTFERRY_KEY_PASSWORD' },
    );
    const { passwordFile, wholeFile = false } = options;
    if (passwordFile === undefined) {
      if (wholeFile) throw new CliError('--whole-file says how --password-file is read: give both.', EXIT.usage);
      const password = await readPassword(options, { prompt: '', variable: 'CERTFERRY_PASSWORD' });
      return new Passwords({ passwords: password === undefined ? [] : [password], keyPassword, hint: '' });
    }
    const text = readPasswordFile(passwordFile);
    if (wholeFile) return new Passwords({ passwords: [text], keyPassword, hint: '' });
    const lines = text.split(/\r?\n/);
    const passwords = lines.filter((line) => line !== '');
    if (passwords.length > MAX_PASSWORDS)
      throw new CliError(`${passwordFile} has more than ${MAX_PASSWORDS} passwords.`, EXIT.usage);
    const hint =
      lines.length > 1
        ? ` Of ${passwordFile} each line was tried, without its line end; --whole-file takes all of it as one password.`
        : '';
    return new Passwords({ passwords: passwords.length > 0 ? passwords : [''], keyPassword, hint });
  }

  /** What is tried on a file: what was given, else what was typed so far; at first nothing. */
  known(): Pick<ImportFields, 'password' | 'passwords' | 'keyPassword'> {
    const [password, ...passwords] = this.#given.length > 0 ? this.#given : this.#typed;
    return { password, ...(passwords.length > 0 && { passwords }), keyPassword: this.keyPassword };
  }

  /** Asks for one more, which is tried on this file and those that follow; false where nobody answers. */
  async ask(file: string): Promise<boolean> {
    if (this.#given.length > 0 || !process.stdin.isTTY || this.#typed.length >= MAX_PASSWORDS) return false;
    const typed = await promptPassword(`Password of ${file}`);
    if (typed === '') return false;
    // The one that was typed last is the likeliest.
    this.#typed.splice(0, this.#typed.length, ...new Set([typed, ...this.#typed]));
    return true;
  }
}
