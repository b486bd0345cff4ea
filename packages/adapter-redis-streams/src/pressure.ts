import { realClock } from '@waybill/core/driver';
import type { Connection } from './connection.ts';

const lookAgainMs = 250;

/** Tells when a server has no room for what is sent, and when it has again. */
export class Pressure {
  readonly #probe: string;
  readonly #onBlocked: (reason: string | undefined) => void;
  #isBlocked = false;

  constructor(prefix: string, onBlocked: (reason: string | undefined) => void) {
    this.#probe = `${prefix}probe`;
    this.#onBlocked = onBlocked;
  }

  /** What a send was refused with. */
  heard(text: string, connection: Connection): void {
    if (this.#isBlocked || !/^(OOM|MISCONF)\b/.test(text)) return;
    this.#isBlocked = true;
    this.#onBlocked(text);
    this.#lookAgain(connection);
  }

  #lookAgain(connection: Connection): void {
    const timer = realClock.after(lookAgainMs, () => void this.#look(connection));
    void connection.closed.then(() => timer.cancel());
  }

  /** A write that needs room and, since its key is nobody's, makes nothing. */
  async #look(connection: Connection): Promise<void> {
    try {
      await connection.call('XADD', this.#probe, 'NOMKSTREAM', '*', '', '');
      this.#isBlocked = false;
      this.#onBlocked(undefined);
    } catch {
      if (!connection.isClosed) this.#lookAgain(connection);
    }
  }
}
