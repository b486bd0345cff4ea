/** `safe`: resend what was certainly not stored. `always`: also what may have been; it may arrive twice. */
export type Resend = 'never' | 'safe' | 'always';
export interface SendTerms {
  readonly timeoutMs: number;
  readonly resend: Resend;
  /** One call at a time, so that a failed one cannot be overtaken. */
  readonly order: 'none' | 'key' | 'total';
  readonly partial: 'each' | 'prefix';
  readonly maxBatch: number;
}
