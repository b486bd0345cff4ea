import type { Socket } from 'node:net';
import { nextStep, type LastingFault, type Step } from './fault.ts';

/** One direction of a connection: what came in, waiting for its turn to go out. */
type Entry =
  | { readonly kind: 'bytes'; readonly bytes: Buffer; readonly arrivedAt: number }
  | { readonly kind: 'end' | 'reset'; readonly arrivedAt: number };

/** Beyond this the sender is held back, as a full network would. */
const maxQueuedBytes = 1024 * 1024;

/** Moves bytes from one socket to the other, under the fault of its direction. */
export class Pipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #cut: (by: 'end' | 'reset') => void;
  readonly #queue: Entry[] = [];
  #queuedBytes = 0;
  #fault: LastingFault | undefined;
  #forwardedUnderFault = 0;
  #received = 0;
  #forwarded = 0;
  #cancelPending: (() => void) | undefined;
  #hasLost = false;
  #hasEnded = false;

  constructor(from: Socket, to: Socket, fault: LastingFault | undefined, cut: (by: 'end' | 'reset') => void) {
    this.#from = from;
    this.#to = to;
    this.#fault = fault;
    this.#cut = cut;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.on('end', () => this.#add({ kind: 'end', arrivedAt: performance.now() }));
    from.on('error', () => this.#add({ kind: 'reset', arrivedAt: performance.now() }));
    to.on('drain', () => this.#move());
  }

  get received(): number {
    return this.#received;
  }

  get forwarded(): number {
    return this.#forwarded;
  }

  /** Whether something was taken from the sender that will never arrive. */
  get hasLost(): boolean {
    return this.#hasLost;
  }

  setFault(fault: LastingFault | undefined): void {
    this.#fault = fault;
    this.#forwardedUnderFault = 0;
    this.#clear();
    this.#move();
  }

  stop(): void {
    this.#hasEnded = true;
    this.#clear();
  }

  #take(bytes: Buffer): void {
    this.#received += bytes.length;
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > maxQueuedBytes) this.#from.pause();
    this.#add({ kind: 'bytes', bytes, arrivedAt: performance.now() });
  }

  #add(entry: Entry): void {
    this.#queue.push(entry);
    if (this.#queue.length === 1) this.#move();
  }

  /** Does what can be done now, and comes back when more can. */
  #move(): void {
    while (!this.#hasEnded && this.#cancelPending === undefined) {
      const entry = this.#queue[0];
      if (entry === undefined || this.#to.writableNeedDrain) return;
      this.#execute(entry, this.#stepFor(entry));
    }
  }

  #stepFor(entry: Entry): Step {
    const bytes = entry.kind === 'bytes' ? entry.bytes.length : 0;
    const ageMs = performance.now() - entry.arrivedAt;
    return nextStep(this.#fault, { bytes, ageMs, forwardedUnderFault: this.#forwardedUnderFault });
  }

  #execute(entry: Entry, step: Step): void {
    switch (step.do) {
      case 'wait':
        this.#again(step.ms);
        return;
      case 'discard':
        this.#hasLost = true;
        this.#shift(entry);
        return;
      case 'cut':
        this.#cut(step.by);
        return;
      case 'forward':
        if (entry.kind === 'bytes') this.#forward(entry, step.bytes, step.thenPauseMs);
        else this.#close(entry.kind);
        return;
      default:
        step satisfies never;
    }
  }

  #forward(entry: Entry & { kind: 'bytes' }, count: number, thenPauseMs: number): void {
    this.#shift(entry);
    const rest = entry.bytes.subarray(count);
    if (rest.length > 0) {
      this.#queue.unshift({ ...entry, bytes: rest });
      this.#queuedBytes += rest.length;
    }
    this.#to.write(entry.bytes.subarray(0, count));
    this.#forwarded += count;
    this.#forwardedUnderFault += count;
    if (thenPauseMs > 0) this.#again(thenPauseMs);
    // The next piece goes out in a turn of its own, so that the two are not sent as one.
    else if (rest.length > 0) this.#again(0);
  }

  #close(kind: 'end' | 'reset'): void {
    this.#hasEnded = true;
    if (kind === 'end') this.#to.end();
    else this.#to.resetAndDestroy();
  }

  #shift(entry: Entry): void {
    this.#queue.shift();
    if (entry.kind === 'bytes') this.#queuedBytes -= entry.bytes.length;
    if (this.#queuedBytes <= maxQueuedBytes) this.#from.resume();
  }

  #again(ms: number): void {
    const move = () => {
      this.#cancelPending = undefined;
      this.#move();
    };
    this.#cancelPending = ms === 0 ? soon(move) : later(move, ms);
  }

  #clear(): void {
    this.#cancelPending?.();
    this.#cancelPending = undefined;
  }
}

function soon(move: () => void): () => void {
  const immediate = setImmediate(move);
  return () => clearImmediate(immediate);
}

function later(move: () => void, ms: number): () => void {
  if (!Number.isFinite(ms)) return () => {};
  const timer = setTimeout(move, ms);
  return () => clearTimeout(timer);
}
