import { type Clock, type Limits, realClock, type Source, type Target } from '@waybill/core/driver';
import { Agenda } from './agenda.ts';
import { deadLetterOf } from './dead-letter.ts';
import type { DedupWindow } from './dedup.ts';
import { Faults } from './faults.ts';
import { missing, notFound } from './errors.ts';
import type { Host } from './host.ts';
import type { BrokerSettings } from './options.ts';
import { Queue, type QueueSettings } from './queue.ts';
import { type Entry, Stored } from './records.ts';
import type { Sink } from './sender.ts';
import { Stream, type StreamSettings } from './stream.ts';
import { Topic } from './topic.ts';

/** A connection that can be lost. */
export interface Cuttable {
  cut(cause: unknown): void;
}

export interface Opened {
  readonly queue: Queue;
  readonly address?: string;
  readonly end?: () => void;
}

/** All that a broker keeps. It outlives its links, as a broker does. */
export class Store implements Host {
  readonly settings: BrokerSettings;
  readonly clock: Clock;
  readonly agenda: Agenda;
  readonly faults: Faults;
  readonly queues = new Map<string, Queue>();
  readonly topics = new Map<string, Topic>();
  readonly streams = new Map<string, Stream>();
  readonly inboxes = new Map<string, Queue>();
  /** Called when something moved. */
  onChange: (() => void) | undefined;
  readonly #links = new Set<Cuttable>();
  #inboxes = 0;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(settings: BrokerSettings) {
    this.settings = settings;
    this.clock = settings.clock ?? realClock;
    this.agenda = new Agenda(this.clock);
    this.faults = new Faults(settings.seed, settings.faults, this.clock, (cause) => this.cutLinks(cause));
    if (!settings.clock) this.agenda.pause();
  }

  get limits(): Limits {
    return this.settings.limits;
  }
  get dedup(): DedupWindow {
    return this.settings.dedup;
  }
  get history(): number {
    return this.settings.history;
  }

  changed(): void {
    this.onChange?.();
  }

  /**
   * On the time of the process a broker without links sets no timers and holds nobody up, and one with links keeps the
   * process alive, as a socket does.
   */
  attach(link: Cuttable): void {
    this.#links.add(link);
    if (this.settings.clock || this.#links.size > 1) return;
    this.#keepAlive = setInterval(() => {}, 2 ** 31 - 1);
    this.agenda.resume();
  }

  detach(link: Cuttable): void {
    if (!this.#links.delete(link) || this.#links.size > 0 || this.settings.clock) return;
    clearInterval(this.#keepAlive);
    this.agenda.pause();
  }

  cutLinks(cause: unknown): void {
    for (const link of [...this.#links]) link.cut(cause);
  }

  /** Where a target is, if it is. */
  sink(target: Target): Sink | undefined {
    switch (target.kind) {
      case 'queue':
        return this.queues.get(target.name);
      case 'topic':
        return this.topics.get(target.name);
      case 'stream':
        return this.streams.get(target.name);
      case 'reply':
        return this.inboxes.get(target.name);
    }
  }

  queue(name: string): Queue {
    return this.queues.get(name) ?? missing('queue', name);
  }

  topic(name: string): Topic {
    return this.topics.get(name) ?? missing('topic', name);
  }

  stream(name: string): Stream {
    return this.streams.get(name) ?? missing('stream', name);
  }

  makeQueue(name: string, settings: QueueSettings): Queue {
    const queue = new Queue(name, settings, this);
    this.queues.set(name, queue);
    return queue;
  }

  makeTopic(name: string, order: 'none' | 'key' | 'total'): Topic {
    const topic = new Topic(name, order, this);
    this.topics.set(name, topic);
    return topic;
  }

  makeStream(name: string, settings: StreamSettings): Stream {
    const stream = new Stream(name, settings, this);
    this.streams.set(name, stream);
    return stream;
  }

  removeQueue(name: string): void {
    const queue = this.queues.get(name);
    this.queues.delete(name);
    queue?.remove(notFound('queue', name));
  }

  removeTopic(name: string): void {
    const topic = this.topics.get(name);
    this.topics.delete(name);
    topic?.remove(notFound('topic', name));
  }

  removeStream(name: string): void {
    const stream = this.streams.get(name);
    this.streams.delete(name);
    stream?.remove(notFound('stream', name));
  }

  /** What a new receiver takes from. `end` tidies up behind it. */
  open(source: Exclude<Source, { readonly kind: 'stream' }>): Opened {
    switch (source.kind) {
      case 'queue':
        return { queue: this.queue(source.name) };
      case 'topic':
        return this.#openTopic(source);
      case 'reply':
        return this.#openInbox();
    }
  }

  /** The lines of messages that a source means: one, or for a topic without subscription all behind it. */
  linesOf(source: Source): readonly Queue[] {
    switch (source.kind) {
      case 'queue':
        return [this.queue(source.name)];
      case 'topic':
        return source.subscription === undefined
          ? this.topic(source.name).queues()
          : [this.topic(source.name).subscription(source.subscription).queue];
      case 'stream':
      case 'reply':
        return [];
    }
  }

  /** Where somebody consumes nothing is ready, and nowhere is anything in flight or waiting to become ready. */
  get isIdle(): boolean {
    const lines = [
      ...this.queues.values(),
      ...this.inboxes.values(),
      ...[...this.topics.values()].flatMap((topic) => topic.queues()),
    ];
    const readers = [...this.streams.values()].flatMap((stream) => [...stream.receivers]);
    return lines.every((queue) => queue.isIdle) && readers.every((reader) => reader.isIdle);
  }

  bury(deadLetter: string | undefined, entry: Entry, from: string, reason: string): void {
    const grave = deadLetter === undefined ? undefined : this.queues.get(deadLetter);
    if (!grave) return;
    const now = this.clock.now();
    grave.put(new Stored(deadLetterOf(entry, { from, reason, at: now }), now), {});
  }

  #openTopic({ name, order, subscription, filter }: Extract<Source, { readonly kind: 'topic' }>): Opened {
    const topic = this.topic(name);
    if (subscription === undefined) return topic.subscribeForNow({ order, filter });
    return { queue: topic.subscription(subscription).queue };
  }

  #openInbox(): Opened {
    this.#inboxes += 1;
    const address = `reply/${this.#inboxes}`;
    const queue = new Queue(address, { order: 'none', priority: false, deadLetter: undefined }, this);
    this.inboxes.set(address, queue);
    return { queue, address, end: () => this.inboxes.delete(address) };
  }
}
