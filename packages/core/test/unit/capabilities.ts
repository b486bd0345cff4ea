import { memory } from '@waybill/in-memory';

/** What the in-memory broker can do, which is everything. */
export const { capabilities } = memory();
