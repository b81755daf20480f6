const TERMINAL_MS = 200;
const ELSEWHERE_MS = 10_000;

/** What a command that takes long is doing, on standard error: a line that replaces itself on a terminal, else one each 10 s. */
export class Progress {
  readonly #isTerminal = process.stderr.isTTY;
  readonly #timer: NodeJS.Timeout | undefined;
  #text: () => string = () => '';

  /** Nothing is shown when quiet. */
  constructor(quiet: boolean) {
    if (quiet) return;
    this.#timer = setInterval(() => this.#show(), this.#isTerminal ? TERMINAL_MS : ELSEWHERE_MS);
    this.#timer.unref();
  }

  /** What is shown from now on; nothing while it is empty. */
  set(text: () => string): void {
    this.#text = text;
  }

  /** Takes the line away while something else is written there, a question for one. */
  clear(): void {
    this.#text = () => '';
    if (this.#timer && this.#isTerminal) process.stderr.write('\r\x1b[K');
  }

  end(): void {
    this.clear();
    clearInterval(this.#timer);
  }

  #show(): void {
    const text = this.#text();
    if (text === '') return;
    // A line that wraps could not be replaced.
    const width = (process.stderr.columns || 80) - 1;
    process.stderr.write(this.#isTerminal ? `\r\x1b[K${text.slice(0, width)}` : `${text}\n`);
  }
}
