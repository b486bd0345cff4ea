import { caseLine, type Terminal } from '../certificate/terminal.ts';
import type { Progress } from '../session.ts';

/** What a progress display writes to. */
export interface Screen extends Terminal {
  /** Can rewrite its last line. */
  readonly isLive: boolean;
  write(text: string): void;
}

/** A line for every case that ended; on a live terminal also one that says what runs now. */
export function progressOn(screen: Screen): (progress: Progress) => void {
  const running = new Set<string>();
  let done = 0;
  let cases = 0;
  const status = (): void => {
    if (screen.isLive)
      screen.write(`\r\u001b[K${done}/${cases}  ${[...running].join(' ')}`.slice(0, screen.columns + 4));
  };
  return (progress) => {
    switch (progress.type) {
      case 'begin':
        cases = progress.cases;
        return;
      case 'start':
        running.add(progress.case.id);
        return status();
      case 'end':
        running.delete(progress.result.id);
        done = progress.done;
        screen.write(`${screen.isLive ? '\r\u001b[K' : ''}${caseLine(progress.result, screen)}\n`);
        if (done < cases) status();
    }
  };
}
