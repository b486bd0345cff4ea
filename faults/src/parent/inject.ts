import type { HistoryWriter } from '@waybill/conformance/history';
import type { FaultyBroker, FaultyServer } from '../brokers/faulty-broker.ts';
import type { PlannedFault } from '../plan.ts';
import { killNode, pauseNode } from './broker-faults.ts';
import type { Fleet } from './fleet.ts';
import { blackHole, resetConnections } from './network-faults.ts';
import { killConsumer, restartConsumer, stopConsumer } from './process-faults.ts';

/** What a fault works on. */
export interface Scene {
  readonly broker: FaultyBroker;
  readonly server: FaultyServer;
  readonly fleet: Fleet;
  /** The parent's own. */
  readonly history: HistoryWriter;
  readonly heartbeatMs: number;
  /** A client notices within this time that its server is silent. Milliseconds. */
  readonly noticeWithinMs: number;
  /** Told what the run must not contain although the history may allow it: an outage that nobody noticed. */
  readonly complain: (what: string) => void;
}

/** A fault on its way into the history. */
export class FaultRecord {
  readonly id: string;
  readonly #history: HistoryWriter;
  #noted = '';

  constructor(id: string, history: HistoryWriter) {
    this.id = id;
    this.#history = history;
  }

  begin(
    kind: string,
    scope: 'broker' | 'network' | 'process',
    more: { target?: string; disconnects?: boolean } = {},
  ): void {
    this.#history.record({ type: 'fault.begin', fault: this.id, kind, scope, ...more });
  }

  /** Writes the evidence as a proof if every condition holds. Else the run proves nothing, and says what was seen. */
  prove(conditions: readonly boolean[], evidence: string): void {
    if (conditions.every(Boolean)) this.#history.record({ type: 'fault.confirmed', fault: this.id, evidence });
    else this.note(`not shown: ${evidence}`);
  }

  /** Goes with the evidence of the end. */
  note(what: string): void {
    this.#noted += `${what}; `;
  }

  heal(evidence: string): void {
    this.#history.record({ type: 'fault.healed', fault: this.id, evidence: `${this.#noted}${evidence}` });
  }
}

/** Does it, proves it, mends it, and resolves when everybody is back, or should have been. */
export async function inject(scene: Scene, fault: PlannedFault, id: string): Promise<void> {
  const record = new FaultRecord(id, scene.history);
  switch (fault.kind) {
    case 'broker-kill':
      return killNode(scene, record, fault);
    case 'short-pause':
      return pauseNode(scene, record, fault, 'short');
    case 'long-pause':
      return pauseNode(scene, record, fault, 'long');
    case 'consumer-kill':
      return killConsumer(scene, record, fault);
    case 'consumer-restart':
      return restartConsumer(scene, record, fault);
    case 'consumer-stop':
      return stopConsumer(scene, record, fault);
    case 'half-open':
      return blackHole(scene, record, fault, 'both');
    case 'replies-lost':
      return blackHole(scene, record, fault, 'toClient');
    case 'reset':
      return resetConnections(scene, record, fault);
    default:
      return fault.kind satisfies never;
  }
}
