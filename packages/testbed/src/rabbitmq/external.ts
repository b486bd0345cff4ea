import { TestbedError } from '../errors.ts';
import { isOfLine } from '../install/install.ts';
import type { Broker, StartOptions } from './broker.ts';
import { urlVariables } from './lines.ts';
import { probeRabbitmq } from './probe.ts';

/** A server that somebody else runs: to be used, not to be controlled. */
export async function externalBroker(
  { line, tls, management, configuration }: StartOptions,
  url: string,
): Promise<Broker> {
  const variable = urlVariables[line];
  const version = await versionAt(url, variable);
  if (!isOfLine(version, line)) {
    throw new TestbedError(
      `${variable} names a RabbitMQ ${version}, but line ${line} is needed; correct the variable or unset it`,
    );
  }
  const refuse = (wish: string) =>
    new TestbedError(
      `cannot ${wish}: this server is the one that ${variable} names; unset the variable to use one that the testbed controls`,
    );
  if (tls || management || configuration) throw refuse('set up TLS, management or settings');
  return {
    url,
    line,
    version,
    ports: { amqp: Number(new URL(url).port || 5672) },
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

/** The members of a broker whose process belongs to somebody else. */
export function withoutProcess(refuse: (wish: string) => TestbedError) {
  return {
    controls: 'none',
    pid: undefined,
    exited: undefined,
    stop: () => Promise.reject(refuse('stop it')),
    kill: () => Promise.reject(refuse('kill it')),
    restart: () => Promise.reject(refuse('restart it')),
    pause: () => Promise.reject(refuse('pause it')),
    resume: () => Promise.reject(refuse('resume it')),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  } as const;
}

async function versionAt(url: string, variable: string): Promise<string> {
  if (!URL.canParse(url) || !/^amqps?:$/.test(new URL(url).protocol)) {
    throw new TestbedError(`${variable} is no URL of a RabbitMQ; write it as amqp://user:password@host:port`);
  }
  return probeRabbitmq(url).catch((error: Error) => {
    const { host } = new URL(url);
    throw new TestbedError(
      `no RabbitMQ answers at ${host}, which ${variable} names: ${error.message}; start it or unset the variable`,
      {
        cause: error,
      },
    );
  });
}
