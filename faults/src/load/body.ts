import { checksum } from '@waybill/conformance/history';

/** What every message carries: who it is, where it stands among its key, and the proof that it is whole. */
export interface Body {
  readonly id: string;
  readonly key: string;
  /** Counts the messages of one producer and key from 0. */
  readonly sequence: number;
  /** So many runs of its handler fail; more than the retry policy allows for a message that must be given up. */
  readonly failures: number;
  readonly filler: string;
  readonly checksum: string;
}

export function bodyOf(content: Omit<Body, 'checksum'>): Body {
  return { ...content, checksum: checksumOf(content) };
}

/** Of what is there now, not of what the body says about itself. */
export function checksumOf({ id, key, sequence, failures, filler }: Omit<Body, 'checksum'>): string {
  return checksum(JSON.stringify([id, key, sequence, failures, filler]));
}
