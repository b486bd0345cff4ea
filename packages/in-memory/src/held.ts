import type { Delivery } from './records.ts';

/**
 * What one receiver holds, oldest lease first. Linked, because something leaves or moves for every message, and all
 * leases of a receiver are equally long: the first to end is always in front.
 */
export class Held {
  #first: Delivery | undefined;
  #last: Delivery | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): Delivery | undefined {
    return this.#first;
  }

  add(delivery: Delivery): void {
    delivery.held = true;
    delivery.previous = this.#last;
    if (this.#last) this.#last.next = delivery;
    else this.#first = delivery;
    this.#last = delivery;
    this.#size += 1;
  }

  remove(delivery: Delivery): void {
    const { previous, next } = delivery;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    delivery.previous = delivery.next = undefined;
    delivery.held = false;
    this.#size -= 1;
  }

  toArray(): Delivery[] {
    const all: Delivery[] = [];
    for (let delivery = this.#first; delivery; delivery = delivery.next) all.push(delivery);
    return all;
  }
}
