import type { Declaration, Link } from '@waybill/core/driver';
import type { Target } from './target.ts';
import { within } from './waits.ts';

const eachMs = 15_000;

/** What a case leaves to be undone, last one first. */
export class Cleanup {
  readonly #steps: { readonly what: string; readonly undo: () => unknown }[] = [];

  add(what: string, undo: () => unknown): void {
    this.#steps.push({ what, undo });
  }

  /** Undoes everything, whatever fails, and returns what failed. */
  async run(): Promise<string[]> {
    const problems: string[] = [];
    for (const { what, undo } of this.#steps.splice(0).reverse()) {
      try {
        await within(what, Promise.resolve(undo()), eachMs);
      } catch (error) {
        problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return problems;
  }
}

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
    const outcomes = await Promise.allSettled([...unique.values()].reverse().map((one) => remove(one)));
    return outcomes.filter(({ status }) => status === 'rejected').length;
  }

  async close(): Promise<void> {
    const link = await this.#link?.catch(() => undefined);
    await link?.close();
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
