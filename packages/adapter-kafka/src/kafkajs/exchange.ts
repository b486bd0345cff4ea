import type { AnswerTo, RequestName, Requests } from '../library.ts';
import { Decoder, type Encoder, type Exchange, requests } from './internals.ts';

/** How some of the requests are made. */
export type Exchanges<Name extends RequestName> = {
  readonly [One in Name]: (...args: Parameters<Requests[One]>) => Exchange<AnswerTo<One>>;
};

/** Of what is asked by kafkajs's own writers and readers: the newest version that it has. */
export const versions = {
  AddOffsetsToTxn: [25, 1],
  AddPartitionsToTxn: [24, 1],
  ApiVersions: [18, 2],
  CreateTopics: [19, 3],
  DeleteGroups: [42, 1],
  DeleteRecords: [21, 1],
  DeleteTopics: [20, 1],
  DescribeConfigs: [32, 2],
  EndTxn: [26, 1],
  Fetch: [1, 11],
  GroupCoordinator: [10, 2],
  Heartbeat: [12, 3],
  InitProducerId: [22, 1],
  JoinGroup: [11, 5],
  LeaveGroup: [13, 3],
  ListOffsets: [2, 3],
  Metadata: [3, 6],
  OffsetCommit: [8, 5],
  Produce: [0, 7],
  SyncGroup: [14, 3],
} as const satisfies Record<string, readonly [key: number, version: number]>;
/** Written and read here: what kafkajs has of them does not ask for stable offsets, and says nothing of the member. */
export const offsetFetch = [9, 7] as const;
export const txnOffsetCommit = [28, 3] as const;

export const needed = [...Object.values(versions), offsetFetch, txnOffsetCommit].map(([key, version]) => ({
  key,
  version,
}));

/**
 * As kafkajs asks it; what it decodes is read, with its error codes, and what it would make of them is not. Whoever reads
 * says what kafkajs decodes, which has no types for it.
 */
export function made<Result>(
  name: keyof typeof versions,
  args: object,
  read: (answer: never) => Result,
): Exchange<Result> {
  const definition = requests[name];
  if (definition === undefined) throw new TypeError(`kafkajs has no request ${name}`);
  const { request, response } = definition.protocol({ version: versions[name][1] })(args) as Exchange<never>;
  return { request, response: { decode: async (bytes) => read(await response.decode(bytes)) } };
}

/** With kafkajs's letters, where its words will not do. */
export const written = <Result>(
  apiName: string,
  [apiKey, apiVersion]: readonly [number, number],
  write: () => Encoder,
  read: (decoder: Decoder) => Result,
): Exchange<Result> => ({
  request: { apiKey, apiVersion, apiName, encode: () => Promise.resolve(write()) },
  response: { decode: (bytes) => Promise.resolve(read(new Decoder(bytes))) },
});

/** Written here, read by kafkajs. */
export function rewritten<Result>(
  name: keyof typeof versions,
  write: () => Encoder,
  { response }: Exchange<Result>,
): Exchange<Result> {
  const [apiKey, apiVersion] = versions[name];
  return { request: { apiKey, apiVersion, apiName: name, encode: () => Promise.resolve(write()) }, response };
}

export interface Coded {
  readonly errorCode: number;
}
export interface ByTopic<Part> {
  readonly responses: readonly { readonly partitions: readonly (Coded & Part & { readonly partition: number })[] }[];
}
export const itself = <T>(answer: T): T => answer;
