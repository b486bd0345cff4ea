import { type Case, checkCases } from '../case.ts';
import { allWords } from '../vocabulary.ts';
import { deadLetterHandling } from './dead-letter-handling.ts';
import { deadLetterLetters } from './dead-letter-letters.ts';
import { delaySending } from './delay-sending.ts';
import { emulations } from './emulations.ts';
import { errorCalls } from './error-calls.ts';
import { errorHandlers } from './error-handlers.ts';
import { errorPlaces } from './error-places.ts';
import { errorShape } from './error-shape.ts';
import { faultBroker } from './fault-broker.ts';
import { faultNetwork } from './fault-network.ts';
import { faultProcesses } from './fault-processes.ts';
import { flowReceiving } from './flow-receiving.ts';
import { flowSending } from './flow-sending.ts';
import { guaranteeCalm } from './guarantee-calm.ts';
import { guaranteeExactly } from './guarantee-exactly.ts';
import { guaranteeFaults } from './guarantee-faults.ts';
import { guaranteeSending } from './guarantee-sending.ts';
import { judged } from './judged.ts';
import { lifecycleClose } from './lifecycle-close.ts';
import { lifecycleDrain } from './lifecycle-drain.ts';
import { lifecycleProcess } from './lifecycle-process.ts';
import { limits } from './limits.ts';
import { loadQueues } from './load-queues.ts';
import { manifest } from './manifest.ts';
import { orderFaults } from './order-faults.ts';
import { orderKeys } from './order-keys.ts';
import { orderSequence } from './order-sequence.ts';
import { payloadBodies } from './payload-bodies.ts';
import { payloadHeaders } from './payload-headers.ts';
import { priorityLevels } from './priority-levels.ts';
import { brokerProbes } from './probes-broker.ts';
import { keepingProbes } from './probes-keeping.ts';
import { retryBackoff } from './retry-backoff.ts';
import { settlingProbes } from './probes-settling.ts';
import { queueBasics } from './queue-basics.ts';
import { queueSettling } from './queue-settling.ts';
import { refusals } from './refusals.ts';
import { securityDoors } from './security-doors.ts';
import { streamGroups } from './stream-groups.ts';
import { streamReading } from './stream-reading.ts';
import { swap } from './swap.ts';
import { topicBasics } from './topic-basics.ts';
import { topicDurable } from './topic-durable.ts';
import { ttlExpiry } from './ttl-expiry.ts';

let all: readonly Case[] | undefined;

/** The whole suite, in the order of its groups. A file of cases is added here. */
export function allCases(): readonly Case[] {
  all ??= complete(
    [
      queueBasics,
      queueSettling,
      topicBasics,
      topicDurable,
      streamReading,
      streamGroups,
      deadLetterLetters,
      deadLetterHandling,
      retryBackoff,
      delaySending,
      ttlExpiry,
      priorityLevels,
      orderSequence,
      orderKeys,
      orderFaults,
      flowReceiving,
      flowSending,
      guaranteeCalm,
      guaranteeSending,
      guaranteeFaults,
      guaranteeExactly,
      lifecycleClose,
      lifecycleDrain,
      lifecycleProcess,
      faultBroker,
      faultNetwork,
      faultProcesses,
      payloadHeaders,
      payloadBodies,
      errorCalls,
      errorHandlers,
      errorPlaces,
      errorShape,
      securityDoors,
      loadQueues,
      manifest,
      refusals,
      settlingProbes,
      keepingProbes,
      brokerProbes,
      limits,
      swap,
      emulations,
    ].flat(),
  );
  return all;
}

/** Every word of the vocabulary has an N06: a probe of its own, or one that looks at the cases which prove it. */
function complete(cases: readonly Case[]): readonly Case[] {
  const ids = new Set(cases.map(({ id }) => id));
  const words = allWords().filter((word) => !ids.has(`N06:${word}`));
  return checkCases([
    ...cases,
    ...judged(words, (word) => cases.filter(({ proves }) => proves?.includes(word)).map(({ id }) => id)),
  ]);
}
