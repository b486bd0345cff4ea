import type { Exit } from './process/managed.ts';

/**
 * A live server of any kind. With `controls: 'none'` (its URL came from the environment, or it is shared with other
 * test files) whatever would disturb the server rejects with one error that says why.
 */
export interface Server<Line extends string = string> extends AsyncDisposable {
  /** As a client needs it, with credentials where the server wants some. */
  readonly url: string;
  readonly line: Line;
  /** As the server reports it. */
  readonly version: string;
  readonly controls: 'process' | 'none';
  /** Of the present process; another one after `restart`. Undefined without process control. */
  readonly pid: number | undefined;
  /** Settles when the present process ends, for whatever reason. Undefined without process control. */
  readonly exited: Promise<Exit> | undefined;
  /** The one in `url`. */
  readonly port: number;
  /** Path of the server's log. Undefined without process control. */
  readonly log: string | undefined;
  /** Directory of the server's data. Undefined without process control. */
  readonly data: string | undefined;

  /** Graceful: SIGTERM, and resolves when the process has ended. Data is kept for `restart`. */
  stop(): Promise<void>;
  /** SIGKILL; resolves on the exit of the process. */
  kill(): Promise<void>;
  /** Starts it again on the same data and ports and resolves when it answers; a running one is stopped first. */
  restart(): Promise<void>;
  /**
   * SIGSTOP; resolves when every thread has stopped. Connections stay open and new ones are accepted, but nothing is
   * answered.
   */
  pause(): Promise<void>;
  /** SIGCONT; resolves when no thread is stopped any more. */
  resume(): Promise<void>;
  /** Ends the server and deletes its data. A server from the environment is left alone. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** The members of a server that are about its process. */
export type ProcessMembers = Pick<
  Server,
  'controls' | 'pid' | 'exited' | 'stop' | 'kill' | 'restart' | 'pause' | 'resume' | typeof Symbol.asyncDispose
>;

export interface ServerTls {
  /** By the name in the certificate. */
  readonly url: string;
  /** The same listener by its address, which the certificate does not name. */
  readonly mismatchedUrl: string;
  /** The certificate (PEM) of the authority that a client must be told to trust. */
  readonly authority: string;
}

/** Who may connect. */
export interface Credentials {
  readonly name: string;
  readonly password: string;
}

/** Several servers that are one; each has a process of its own. */
export interface Cluster<Node extends Server> extends AsyncDisposable {
  /** Names every node, as a client of such a cluster is told. */
  readonly url: string;
  readonly nodes: readonly Node[];
  /** Ends every node and deletes its data. */
  [Symbol.asyncDispose](): Promise<void>;
}
