/** The ways in which a set-up ends early. */

/** The machine lacks something: `message` names it, `remedy` says how to get it. */
export class SetupError extends Error {
  /**
   * @param {string} message
   * @param {string} [remedy] May have several lines.
   * @param {number} [exitCode] 2 for what the user asked for, 1 for the rest.
   */
  constructor(message, remedy = "", exitCode = 1) {
    super(message);
    this.remedy = remedy;
    this.exitCode = exitCode;
  }

  /** The message with the remedy below it, each line indented. */
  get text() {
    const lines = this.remedy ? this.remedy.split("\n") : [];
    return [this.message, ...lines.map((line, i) => (i === 0 ? `  remedy: ${line}` : `          ${line}`))].join("\n");
  }
}

/** A signal ended the set-up. */
export class Interrupted extends Error {
  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}
