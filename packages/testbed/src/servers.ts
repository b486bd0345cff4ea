import type { Installation, Progress } from './install/install.ts';
import type { Exit } from './process/managed.ts';
import { installRabbitmq } from './rabbitmq/install.ts';
import { rabbitmqLines, urlVariables, type RabbitmqLine } from './rabbitmq/lines.ts';
import { startRabbitmq } from './rabbitmq/start.ts';

/** A server that runs and is of use to a person at a terminal. */
export interface RunningServer extends AsyncDisposable {
  readonly url: string;
  readonly version: string;
  /** Further places worth knowing, by what they are. */
  readonly places: Readonly<Record<string, string>>;
  /** Undefined for a server that somebody else runs. */
  readonly exited: Promise<Exit> | undefined;
}

/** What the command line needs to know about a kind of server. A further kind is one more entry below. */
export interface ServerKind {
  /** The first one is the default. */
  readonly lines: readonly string[];
  readonly urlVariable: (line: string) => string;
  readonly install: (line: string, progress: Progress) => Promise<Installation>;
  readonly start: (line: string, progress: Progress) => Promise<RunningServer>;
}

export const servers: Readonly<Record<string, ServerKind>> = {
  rabbitmq: {
    lines: rabbitmqLines,
    urlVariable: (line) => urlVariables[line as RabbitmqLine],
    install: async (line, progress) => installRabbitmq(line as RabbitmqLine, progress),
    start: async (line, onProgress) => startRabbitmqForPeople(line as RabbitmqLine, onProgress),
  },
};

async function startRabbitmqForPeople(line: RabbitmqLine, onProgress: Progress): Promise<RunningServer> {
  const management = process.env[urlVariables[line]] === undefined;
  const broker = await startRabbitmq({ line, name: `by-hand-rabbitmq-${line}`, management, onProgress });
  return {
    url: broker.url,
    version: broker.version,
    exited: broker.exited,
    places: {
      ...(broker.managementUrl && { 'management page (guest, guest)': broker.managementUrl }),
      ...(broker.log && { log: broker.log }),
    },
    [Symbol.asyncDispose]: async () => broker[Symbol.asyncDispose](),
  };
}
