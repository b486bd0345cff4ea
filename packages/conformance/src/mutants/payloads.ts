import type { Mutant } from './mutant.ts';
import { receiving, sending } from './parts.ts';

const isOurs = (name: string): boolean => name.startsWith('waybill-');

/** One piece of memory, written around and around: a body is only right until the next ones come. */
function reusedMemory(): (body: Uint8Array | null) => Uint8Array | null {
  const memory = new Uint8Array(256 * 1024);
  let from = 0;
  return (body) => {
    if (!body || body.length > memory.length / 4) return body;
    if (from + body.length > memory.length) from = 0;
    memory.set(body, from);
    from += body.length;
    return memory.subarray(from - body.length, from);
  };
}

/** Defects in bodies, headers and properties. */
export const payloadMutants: readonly Mutant[] = [
  {
    name: 'strips headers',
    defect: 'The headers of the user do not arrive.',
    killedBy: 'Q01',
    wrap: receiving(({ headers }) => ({
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => isOurs(name))),
    })),
  },
  {
    name: 'writes header names small',
    defect: 'The names of headers arrive in lower case.',
    killedBy: 'P09',
    wrap: receiving(({ headers }) => ({
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    })),
  },
  {
    name: 'reads header values as latin1',
    defect: 'The values of headers arrive with their UTF-8 bytes read as latin1.',
    killedBy: 'P01',
    wrap: receiving(({ headers }) => ({
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
      ),
    })),
  },
  {
    name: 'truncates bodies',
    defect: 'Of a body only the first 64 KiB arrive.',
    killedBy: 'P05',
    wrap: receiving(({ body }) => ({ body: body && body.subarray(0, 65_536) })),
  },
  {
    name: 'reads bodies as text',
    defect: 'Bytes that are no UTF-8 arrive as the replacement character.',
    killedBy: 'P03',
    wrap: receiving(({ body }) => ({ body: body && Buffer.from(Buffer.from(body).toString('utf8')) })),
  },
  {
    name: 'takes an empty body for none',
    defect: 'An empty body arrives as null.',
    killedBy: 'P04',
    wrap: receiving(({ body }) => ({ body: body?.length === 0 ? null : body })),
  },
  {
    name: 'reuses its memory',
    defect: 'A body that was handed out is overwritten by later ones.',
    killedBy: 'P13',
    wrap(driver) {
      const reused = reusedMemory();
      return receiving(({ body }) => ({ body: reused(body) }))(driver);
    },
  },
  {
    name: 'forgets correlation ids',
    defect: 'A message arrives without its correlation id.',
    killedBy: 'P11',
    wrap: sending((message) => ({ ...message, correlationId: undefined })),
  },
];
