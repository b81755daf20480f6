const INTERVAL_MS = 200;

/** What a command that takes long is doing, as a line on standard error that replaces itself; only on a terminal. */
export class Progress {
  readonly #timer: NodeJS.Timeout | undefined;
  #text: () => string = () => '';
  #shownAt = 0;

  /** Nothing is shown when quiet. */
  constructor(quiet: boolean) {
    if (quiet || !process.stderr.isTTY) return;
    this.#timer = setInterval(() => this.#show(), INTERVAL_MS);
    this.#timer.unref();
  }

  /** What is shown from now on, at once if nothing was for a while; nothing while it is empty. */
  set(text: () => string): void {
    this.#text = text;
    if (this.#timer && performance.now() - this.#shownAt >= INTERVAL_MS) this.#show();
  }

  /** Takes the line away while something else is written there, a question for one. */
  clear(): void {
    this.#text = () => '';
    if (this.#timer) process.stderr.write('\r\x1b[K');
  }

  end(): void {
    this.clear();
    clearInterval(this.#timer);
  }

  #show(): void {
    const text = this.#text();
    if (text === '') return;
    this.#shownAt = performance.now();
    // A line that wraps could not be replaced.
    const width = (process.stderr.columns || 80) - 1;
    process.stderr.write(`\r\x1b[K${text.slice(0, width)}`);
  }
}
