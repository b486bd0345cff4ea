import { type Codec, json } from '../codec/codec.ts';
import type { Destination } from '../destination/destination.ts';
import { checksNothing, describeIssues, type SchemaResult } from '../destination/schema.ts';
import type { Incoming } from '../driver/message.ts';
import { textOf, WaybillError } from '../error/error.ts';

/** Turns what came in into the value that the schema promises. Throws `decode`, which goes to the dead letters unrun. */
export type Decode = (incoming: Incoming) => unknown;

/** The result is a promise only where the schema validates asynchronously. */
export function decoder(destination: Destination): Decode {
  const codec = destination.options.codec ?? json;
  const schema = checksNothing(destination.schema) ? undefined : destination.schema!['~standard'];
  return (incoming) => {
    const value = read(codec, incoming);
    if (!schema) return value;
    const result = schema.validate(value);
    return result instanceof Promise ? result.then(checked) : checked(result);
  };
}

function read(codec: Codec, { body, contentType }: Incoming): unknown {
  if (body === null) return null;
  if (contentType !== undefined && contentType !== codec.contentType && !codec.accepts(contentType)) {
    throw new WaybillError(
      'decode',
      `the message is ${contentType}, and this destination expects ${codec.contentType}`,
    );
  }
  try {
    return codec.decode(body);
  } catch (cause) {
    throw new WaybillError('decode', `the bytes are not ${codec.contentType}: ${textOf(cause)}`, { cause });
  }
}

function checked(result: SchemaResult<unknown>): unknown {
  if (result.issues)
    throw new WaybillError('decode', `the message does not match the schema: ${describeIssues(result.issues)}`);
  return result.value;
}
