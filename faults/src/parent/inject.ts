import type { HistoryWriter } from '@waybill/conformance/history';
import type { Broker } from '@waybill/testbed';
import type { PlannedFault } from '../plan.ts';
import { killBroker, pauseBroker } from './broker-faults.ts';
import type { Fleet } from './fleet.ts';
import { blackHole, resetConnections } from './network-faults.ts';
import { killConsumer, restartConsumer, stopConsumer } from './process-faults.ts';

/** What a fault works on. */
export interface Scene {
  readonly broker: Broker;
  readonly fleet: Fleet;
  /** The parent's own. */
  readonly history: HistoryWriter;
  readonly heartbeatMs: number;
  /** Told what the run must not contain although the history may allow it: an outage that nobody noticed. */
  readonly complain: (what: string) => void;
}

/** A fault on its way into the history. */
export class FaultRecord {
  readonly id: string;
  readonly #history: HistoryWriter;
  #unproved = '';

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
    else this.#unproved = `not shown: ${evidence}; `;
  }

  heal(evidence: string): void {
    this.#history.record({ type: 'fault.healed', fault: this.id, evidence: `${this.#unproved}${evidence}` });
  }
}

/** Does it, proves it, mends it, and resolves when everybody is back, or should have been. */
export async function inject(scene: Scene, fault: PlannedFault, id: string): Promise<void> {
  const record = new FaultRecord(id, scene.history);
  switch (fault.kind) {
    case 'broker-kill':
      return killBroker(scene, record);
    case 'short-pause':
      return pauseBroker(scene, record, 'short');
    case 'long-pause':
      return pauseBroker(scene, record, 'long');
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
