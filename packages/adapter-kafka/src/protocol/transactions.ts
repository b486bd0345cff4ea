import { randomUUID } from 'node:crypto';
import { type Transacted, WaybillError } from '@waybill/core/driver';
import { checkCode, codeOf, isPassing, KafkaError } from '../errors.ts';
import type { AnswerTo, BrokerConnection, RequestName, Requests } from '../library.ts';
import type { TransactionIdentity, TransactionPlan, Transactions } from '../wire.ts';
import type { Cluster } from './cluster.ts';
import { type Identity, offer } from './offering.ts';
import { repeatedly } from './patience.ts';

type Producer = Identity & TransactionIdentity;

/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR: ask again who it is. */
const moved: readonly (number | undefined)[] = [14, 15, 16];
/** REBALANCE_IN_PROGRESS, CONCURRENT_TRANSACTIONS (the one before is still being ended): ask again. */
const passing: readonly (number | undefined)[] = [...moved, 27, 51];
/** INVALID_PRODUCER_EPOCH, PRODUCER_FENCED: the transaction was ended without us, which is never a commit. */
const fenced: readonly (number | undefined)[] = [47, 90];
/** As those, and INVALID_TXN_STATE: answers to a commit that say that nothing was committed, then or before. */
const refused: readonly (number | undefined)[] = [...fenced, 48];
const notAttempted = 55;

/** How long to ask for a producer id: the first of a cluster makes it create the log of transactions. */
const introductionMs = 20_000;
/** How long to ask for the end of what is given up. Without an answer the coordinator's timeout ends it. */
const goodbyeMs = 5_000;
/**
 * How long to ask for the end of what is complete, beyond the timeout of a transaction. Coordinators look for those that
 * ran out every ten seconds (`transaction.abort.timed.out.transaction.cleanup.interval.ms`), and then the answer is known.
 */
const settleMs = 15_000;

/**
 * The transactions of one member of a group. The id is its own, so that nobody else's transaction is ever ended by it; a
 * member that is gone is fenced by its group, which takes no positions of it (KIP-447). Everything is asked one by one.
 */
export class MemberTransactions implements Transactions {
  readonly #cluster: Cluster;
  readonly #group: string;
  readonly #id: string;
  #producer: Producer | undefined;

  constructor(cluster: Cluster, group: string) {
    this.#cluster = cluster;
    this.#group = group;
    this.#id = `${group}/${randomUUID()}`;
  }

  async run(plan: TransactionPlan): Promise<Transacted> {
    let producer: Producer;
    try {
      producer = this.#producer ??= await this.#introduced(introductionMs);
    } catch (error) {
      return { outcome: 'aborted', error };
    }
    const begunAt = performance.now();
    try {
      const until = Date.now() + this.#timeoutMs;
      await this.#begin(producer, plan, until);
      await this.#fill(producer, plan, until);
    } catch (error) {
      return this.#aborted(error, begunAt);
    }
    return this.#committed(producer, begunAt);
  }

  get #timeoutMs(): number {
    return this.#cluster.settings.transactionTimeoutMs;
  }

  /** Also ends what is open under this id: the new epoch keeps out what may still be on its way to a partition. */
  async #introduced(withinMs: number): Promise<Producer> {
    const id = this.#id;
    const doing = `the request for a producer of transactions with a timeout of ${this.#timeoutMs} ms`;
    const until = Date.now() + withinMs;
    const { producerId, producerEpoch } = await repeatedly(this.#isOver(until), () =>
      this.#asked(doing, 'initProducerId', ({ errorCode }) => errorCode, id, this.#timeoutMs, -1n, -1),
    );
    return { transactionalId: id, producerId, producerEpoch, sequences: new Map() };
  }

  /** Before anything is produced: what a coordinator does not know of, it cannot end. */
  async #begin(producer: Producer, { partitions, commit }: TransactionPlan, until: number): Promise<void> {
    const { transactionalId, producerId, producerEpoch } = producer;
    const isOver = this.#isOver(until);
    if (partitions.size > 0) {
      const topics = [...partitions].map(([name, numbers]) => ({ name, partitions: [...numbers] }));
      const added = { transactionalId, producerId, producerEpoch, verifyOnly: false, topics };
      await repeatedly(isOver, () =>
        this.#asked('adding partitions to a transaction', 'addPartitionsToTxn', codeAmong, [added]),
      );
    }
    if (commit === undefined) return;
    await repeatedly(isOver, () =>
      this.#asked(
        'adding positions to a transaction',
        'addOffsetsToTxn',
        ({ errorCode }) => errorCode,
        transactionalId,
        producerId,
        producerEpoch,
        this.#group,
      ),
    );
  }

  /** Nothing may be on its way when the transaction ends, so the failure of one waits for the other. */
  async #fill(producer: Producer, { fill, commit }: TransactionPlan, until: number): Promise<void> {
    const committed = commit && repeatedly(this.#isOver(until), () => commit(producer));
    const filled = fill((topic, partition, records) =>
      offer(this.#cluster, { topic, partition, records, until }, producer),
    );
    for (const one of await Promise.allSettled([committed, filled])) if (one.status === 'rejected') throw one.reason;
  }

  /** A request that was answered by nobody is made again: while the epoch holds, it can only commit the same. */
  async #committed({ transactionalId, producerId, producerEpoch }: Producer, begunAt: number): Promise<Transacted> {
    let isUndecided = false;
    const commit = async (): Promise<void> => {
      const connection = await this.#coordinator();
      const wasUndecided = isUndecided;
      isUndecided = true;
      const { errorCode } = await connection.ask('endTxn', transactionalId, producerId, producerEpoch, true);
      isUndecided = passing.includes(errorCode) || (wasUndecided && !refused.includes(errorCode));
      this.#check(errorCode, 'the commit of a transaction');
    };
    try {
      await repeatedly(this.#isOver(Date.now() + this.#timeoutMs + settleMs), commit);
      return { outcome: 'committed' };
    } catch (error) {
      if (!isUndecided) return this.#aborted(error, begunAt);
      this.#producer = undefined;
      return { outcome: 'unknown', error: unanswered(error) };
    }
  }

  /** Only for what no commit was asked for, or was refused: nothing of it will ever be seen. */
  async #aborted(error: unknown, begunAt: number): Promise<Transacted> {
    this.#producer = undefined;
    const isFenced = fenced.includes(codeOf(error));
    if (isFenced && performance.now() - begunAt < this.#timeoutMs) return { outcome: 'lost', error };
    // Who cannot be told now is told before the next transaction, or finds out by the timeout.
    this.#producer = await this.#introduced(goodbyeMs).catch(() => undefined);
    return { outcome: 'aborted', error: isFenced ? ranOut(this.#timeoutMs, error) : error };
  }

  async #asked<Name extends RequestName>(
    doing: string,
    name: Name,
    codeIn: (answer: AnswerTo<Name>) => number,
    ...args: Parameters<Requests[Name]>
  ): Promise<AnswerTo<Name>> {
    const answer = await (await this.#coordinator()).ask(name, ...args);
    this.#check(codeIn(answer), doing);
    return answer;
  }
  async #coordinator(): Promise<BrokerConnection> {
    return this.#cluster.connection(await this.#cluster.coordinatorOf(this.#id, 'transaction'));
  }
  #check(code: number, doing: string): void {
    if (moved.includes(code)) this.#cluster.forgetCoordinator(this.#id, 'transaction');
    checkCode(code, `${doing} of the group "${this.#group}"`);
  }
  #isOver(until: number): (error: unknown) => boolean {
    return (error) => this.#cluster.isEnded || Date.now() > until || !mayPass(error);
  }
}

const mayPass = (error: unknown): boolean =>
  error instanceof KafkaError ? passing.includes(error.code) : isPassing(error);

/** All are added or none; those that could be say only that another could not. */
function codeAmong({ resultsByTransaction }: AnswerTo<'addPartitionsToTxn'>): number {
  const codes = resultsByTransaction
    .flatMap(({ topicResults }) => topicResults)
    .flatMap(({ resultsByPartition }) => resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode))
    .filter((code) => code !== 0);
  return codes.find((code) => code !== notAttempted) ?? codes[0] ?? 0;
}

const ranOut = (ms: number, cause: unknown): WaybillError =>
  new WaybillError('timeout', `Kafka ended a transaction that was open for longer than ${ms} ms`, { cause });
const unanswered = (cause: unknown): WaybillError =>
  new WaybillError('unknown-outcome', 'Nobody said whether a transaction was committed', { cause });
