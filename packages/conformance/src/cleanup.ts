import { AssertionError } from 'node:assert';
import type { Declaration, Link } from '@waybill/core/driver';
import type { Target } from './target.ts';
import { within } from './waits.ts';

const eachMs = 15_000;
/** Once something hung, what is left to undo has less time: a case must not hold up the run. */
const afterHangMs = 1_000;
const removeMs = 30_000;

/** What a case leaves to be undone, last one first. */
export class Cleanup {
  readonly #steps: { readonly what: string; readonly undo: () => unknown }[] = [];
  readonly #eachMs: number;

  /** What hangs longer than this fails its case. */
  constructor(stepMs = eachMs) {
    this.#eachMs = stepMs;
  }

  add(what: string, undo: () => unknown): void {
    this.#steps.push({ what, undo });
  }

  /** Undoes everything, whatever fails or hangs, and returns what did. */
  async run(): Promise<string[]> {
    const problems: string[] = [];
    let hasHung = false;
    for (const { what, undo } of this.#steps.splice(0).reverse()) {
      try {
        await within(what, Promise.resolve(undo()), hasHung ? Math.min(afterHangMs, this.#eachMs) : this.#eachMs);
      } catch (error) {
        hasHung ||= isHang(error, what);
        problems.push(
          isHang(error, what) ? error.message : `${what}: ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
    return problems;
  }
}

const isHang = (error: unknown, what: string): error is AssertionError =>
  error instanceof AssertionError && error.message.startsWith(what);

/** Removes what cases declared, over one link of its own. */
export class Janitor {
  readonly #driver: Target['driver'];
  #link: Promise<Link> | undefined;

  constructor(driver: Target['driver']) {
    this.#driver = driver;
  }

  /** Removes all of these where the broker can, and returns how many it could not. */
  async remove(declared: readonly Declaration[]): Promise<number> {
    if (declared.length === 0) return 0;
    const link = await this.#open();
    const remove = link.admin?.remove?.bind(link.admin);
    if (!remove) return declared.length;
    const unique = new Map(declared.map((one) => [`${one.kind} ${'topic' in one ? one.topic : ''} ${one.name}`, one]));
    // Subscriptions before their topics, side queues before what they belong to: last declared, first removed.
    const removing = Promise.allSettled([...unique.values()].reverse().map((one) => remove(one)));
    const outcomes = await within(`removing ${unique.size} places`, removing, removeMs);
    return outcomes.filter(({ status }) => status === 'rejected').length;
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined);
    if (link) await within('closing the connection that removes what cases leave', link.close(), eachMs);
  }

  #open(): Promise<Link> {
    this.#link ??= this.#connect();
    return this.#link;
  }

  async #connect(): Promise<Link> {
    const link = await (
      await this.#driver()
    ).connect({ signal: AbortSignal.timeout(eachMs), onBlocked: () => undefined });
    const forget = (): void => void (this.#link = undefined);
    void link.closed.then(forget);
    return link;
  }
}
