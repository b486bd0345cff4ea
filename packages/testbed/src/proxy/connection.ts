import type { Socket } from 'node:net';
import type { Direction, LastingFault, MomentaryFault, Way } from './fault.ts';
import { Pipe } from './pipe.ts';

export interface WayBytes {
  /** Taken from the sender. */
  readonly received: number;
  /** Given to the kernel towards the receiver. */
  readonly forwarded: number;
}

/** The evidence about one connection through the proxy. */
export interface ProxiedConnection {
  /** Counts from 1 in the order of their coming. */
  readonly id: number;
  readonly isOpen: boolean;
  readonly toServer: WayBytes;
  readonly toClient: WayBytes;
}

export type Faults = Readonly<Record<Way, LastingFault | undefined>>;

/** Both directions between a client and the server, and the evidence about them. */
export class Connection implements ProxiedConnection {
  readonly id: number;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #pipes: Readonly<Record<Way, Pipe>>;

  constructor(id: number, client: Socket, server: Socket, faults: Faults) {
    this.id = id;
    this.#client = client;
    this.#server = server;
    const cut = (by: 'end' | 'reset') => {
      this.inflict({ kind: by }, 'both');
      this.#stop();
    };
    this.#pipes = {
      toServer: new Pipe(client, server, faults.toServer, cut),
      toClient: new Pipe(server, client, faults.toClient, cut),
    };
  }

  get isOpen(): boolean {
    return !this.#client.destroyed || !this.#server.destroyed;
  }

  get toServer(): WayBytes {
    return bytesOf(this.#pipes.toServer);
  }

  get toClient(): WayBytes {
    return bytesOf(this.#pipes.toClient);
  }

  setFault(way: Way, fault: LastingFault | undefined): void {
    this.#pipes[way].setFault(fault);
  }

  /** A stream with a hole in it must not go on. */
  resetIfIncomplete(): void {
    if (this.isOpen && (this.#pipes.toServer.hasLost || this.#pipes.toClient.hasLost)) this.close();
  }

  inflict(fault: MomentaryFault, direction: Direction): void {
    if (direction !== 'toClient') strike(this.#server, fault);
    if (direction !== 'toServer') strike(this.#client, fault);
  }

  /** Resets both ends. */
  close(): void {
    this.#stop();
    this.inflict({ kind: 'reset' }, 'both');
  }

  #stop(): void {
    this.#pipes.toServer.stop();
    this.#pipes.toClient.stop();
  }
}

function strike(socket: Socket, { kind }: MomentaryFault): void {
  if (socket.destroyed) return;
  if (kind === 'reset') socket.resetAndDestroy();
  else socket.end();
}

function bytesOf({ received, forwarded }: Pipe): WayBytes {
  return { received, forwarded };
}
