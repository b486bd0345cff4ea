import type { Measured } from '../arms/shared/measured.ts';

/** What is read from a run. CPU first: it depends least on what else the machine does. */
export type Metric = 'cpu' | 'rate' | 'p50' | 'p99';

export const units: Readonly<Record<Metric, string>> = {
  cpu: 'CPU µs per message',
  rate: 'messages/s',
  p50: 'p50 µs',
  p99: 'p99 µs',
};

/** The figure, or nothing where this run measured none. */
export function figureOf(metric: Metric, measured: Measured): number | undefined {
  switch (metric) {
    case 'cpu':
      return (measured.userUs + measured.systemUs) / measured.messages;
    case 'rate':
      return (measured.messages / measured.elapsedMs) * 1000;
    case 'p50':
      return measured.latency?.p50;
    case 'p99':
      return measured.latency?.p99;
  }
}
