import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { machineClock } from '../machine-clock.ts';
import type { ChildSetup, Order, Report } from '../load/messages.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const program = fileURLToPath(new URL('../load/child.ts', import.meta.url));
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** One process of the load as its parent sees it. */
export class LoadProcess {
  readonly setup: ChildSetup;
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #output: string[] = [];
  readonly #liveAt = new Map<string, number>();
  #isReady = false;
  #isRunning = true;
  #mayEnd = false;
  readonly #linkAt = { live: -Infinity, down: -Infinity };
  #begun = 0;
  #concluded = 0;

  constructor(setup: ChildSetup) {
    this.setup = setup;
    this.#child = fork(program, [JSON.stringify(setup)], {
      execArgv: ['--conditions=waybill-source', '--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (piece: string) => this.#output.push(piece));
    this.#child.on('message', (report: Report) => this.#hear(report));
    this.exited = new Promise((resolve) =>
      this.#child.once('exit', (code, signal) => {
        running.delete(this.#child);
        this.#isRunning = false;
        resolve({ code, signal });
      }),
    );
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }
  get isRunning(): boolean {
    return this.#isRunning;
  }
  get isReady(): boolean {
    return this.#isReady;
  }
  get begun(): number {
    return this.#begun;
  }
  get concluded(): number {
    return this.#concluded;
  }
  /** It ended though nobody had told it to. */
  get hasCrashed(): boolean {
    return !this.#isRunning && !this.#mayEnd;
  }
  get output(): string {
    return this.#output.join('');
  }
  /** When its connection last came up, and was last lost, on the machine's clock. */
  get linkAt(): { readonly live: number; readonly down: number } {
    return this.#linkAt;
  }
  /** When its consumer of the subscription got its latest receiver. */
  liveAt(subscription: string): number | undefined {
    return this.#liveAt.get(subscription);
  }

  order(order: Order): void {
    if (order.order !== 'grant') this.#mayEnd = true;
    if (this.#child.connected) this.#child.send(order);
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL') this.#mayEnd = true;
    this.#child.kill(signal);
  }

  #hear(report: Report): void {
    switch (report.report) {
      case 'ready':
        this.#isReady = true;
        break;
      case 'link':
        this.#linkAt[report.state] = machineClock();
        break;
      case 'live':
        this.#liveAt.set(report.subscription, machineClock());
        break;
      case 'progress':
        this.#begun = report.begun;
        this.#concluded = report.concluded;
        break;
      default:
        report satisfies never;
    }
  }
}
