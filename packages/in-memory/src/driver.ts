import { type Adapter, WaybillError } from '@waybill/core/driver';
import { MemoryBroker } from './broker.ts';
import type { MemoryDriver } from './link.ts';

/** A driver of this broker, or of a new one that nobody else knows. */
export const memory = (broker: MemoryBroker = new MemoryBroker()): MemoryDriver<MemoryBroker> => broker.driver();

/** Of the whole process: two copies of this package, as bundlers and test runners make them, share it. */
const registry: unique symbol = Symbol.for('waybill.memory.brokers') as never;
const globals = globalThis as { [registry]?: Map<string, MemoryBroker> };

/** The broker that everybody in this process reaches as `memory:<name>`; `memory:` is the one without a name. */
export function sharedBroker(name = ''): MemoryBroker {
  const brokers = (globals[registry] ??= new Map());
  const broker = brokers.get(name) ?? new MemoryBroker();
  brokers.set(name, broker);
  return broker;
}

const namePattern = /^memory:(?:\/\/)?([\w.-]*)$/;

/** Busses with the same URL share a broker, and see each other. */
export const adapter: Adapter = {
  schemes: ['memory'],
  fromUrl(url) {
    const name = namePattern.exec(url)?.[1];
    if (name === undefined) {
      throw new WaybillError(
        'invalid',
        `${JSON.stringify(url)} is no URL of an in-memory broker; write memory: or memory:name, with letters, digits, ".", "-" and "_"`,
        { broker: 'memory' },
      );
    }
    return sharedBroker(name).driver();
  },
};
