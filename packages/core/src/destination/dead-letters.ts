import { type Codec, json } from '../codec/codec.ts';
import { checkIsDestination } from './check.ts';
import { type Destination, type Queue, queue } from './destination.ts';
import { deadLetterOf } from './facts.ts';
import { type } from './schema.ts';
import { invalid } from '../error/error.ts';

/**
 * The dead letters of a destination, to be attached and consumed like any queue; each delivery tells its cause in
 * `deadLetter`. A value is as the destination's codec decodes it, unvalidated, or the bytes
 * where it cannot. A handler that fails leaves the letter where it is; it comes again after some seconds.
 */
export function deadLettersOf(destination: Destination): Queue<unknown, unknown> {
  checkIsDestination('deadLettersOf', destination);
  const name = deadLetterOf(destination);
  if (name === undefined)
    throw invalid(`${destination.kind} ${destination.name} has no dead letters; declare it with deadLetter: true`);
  return queue(name, {
    schema: type<unknown>(),
    codec: lenient(destination.options.codec ?? json),
    deadLetter: name,
    retry: { attempts: 1 },
  });
}

const lenient = (codec: Codec): Codec => ({
  contentType: codec.contentType,
  accepts: () => true,
  encode: (value) => codec.encode(value),
  decode(received) {
    try {
      return codec.decode(received);
    } catch {
      return received;
    }
  },
});
