export { MemoryBroker, memoryBroker } from './broker.ts';
export type { MemoryCapabilities } from './capabilities.ts';
export type { DedupWindow } from './dedup.ts';
export { adapter, memory, sharedBroker } from './driver.ts';
export type { FaultKind, FaultOptions, FaultRates, Faults, InjectedFault } from './faults.ts';
export type { MemoryDriver } from './link.ts';
export type { BrokerOptions } from './options.ts';
export { virtualClock, type VirtualClock } from './virtual-clock.ts';
