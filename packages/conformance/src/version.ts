import type { Link } from '@waybill/core/driver';
import type { Target } from './target.ts';

/** What the broker says it is, where the target or the native client can tell. */
export function brokerVersion(target: Target, link: Link): string {
  return target.version?.(link) ?? amqpVersion(link.native) ?? 'unknown';
}

/** AMQP 0-9-1 servers introduce themselves when a connection starts. */
function amqpVersion(native: unknown): string | undefined {
  const connection = at(at(native, 'publishing') ?? native, 'connection');
  const version = at(at(connection, 'serverProperties'), 'version');
  return typeof version === 'string' ? version : undefined;
}

const at = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
