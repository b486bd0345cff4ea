import { withoutProcess, type Given } from '../product.ts';
import type { Broker, StartOptions } from './broker.ts';

/** A server that somebody else runs: to be used, not to be controlled. */
export function externalBroker(
  { line, tls, management, configuration }: StartOptions,
  { url, version, refuse }: Given,
): Broker {
  if (tls || management || configuration) throw refuse('set up TLS, management or settings');
  const port = Number(new URL(url).port || 5672);
  return {
    url,
    line,
    version,
    port,
    ports: { amqp: port },
    log: undefined,
    data: undefined,
    tls: undefined,
    managementUrl: undefined,
    ...withoutProcess(refuse),
    control: () => Promise.reject(refuse('run rabbitmqctl on it')),
    addUser: () => Promise.reject(refuse('add a user to it')),
    setAlarm: () => Promise.reject(refuse('raise an alarm on it')),
  };
}
