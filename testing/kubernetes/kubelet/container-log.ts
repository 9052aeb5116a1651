import { EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';

export interface LogLine {
  at: number;
  /** With its line feed, unless the program ended without one. */
  text: Buffer;
}

/** As much as a kubelet keeps of one container by default. */
const KEPT_BYTES = 10 * 1024 * 1024;
const LINE_FEED = 10;

/** What a container printed, line by line with the time of each. */
export interface ContainerLog {
  readonly lines: readonly LogLine[];
  readonly ended: boolean;
  take: (stream: Readable) => void;
  end: () => void;
  /** Calls back for each line from now on, and at the end; answers how to stop that. */
  follow: (line: (line: LogLine) => void, end: () => void) => () => void;
}

export function createContainerLog(): ContainerLog {
  const events = new EventEmitter().setMaxListeners(0);
  const lines: LogLine[] = [];
  const rests: (() => Buffer)[] = [];
  let kept = 0;
  let ended = false;
  const add = (text: Buffer): void => {
    const line = { at: Date.now(), text };
    lines.push(line);
    kept += text.length;
    while (kept > KEPT_BYTES) kept -= lines.shift()?.text.length ?? kept;
    events.emit('line', line);
  };
  return {
    lines,
    get ended() {
      return ended;
    },
    take: (stream) => {
      let rest: Buffer = Buffer.alloc(0);
      rests.push(() => rest);
      stream.on('data', (chunk: Buffer) => {
        const { whole, left } = cut(Buffer.concat([rest, chunk]));
        rest = left;
        whole.forEach(add);
      });
    },
    end: () => {
      for (const rest of rests.splice(0)) if (rest().length > 0) add(rest());
      ended = true;
      events.emit('end');
    },
    follow: (line, end) => {
      events.on('line', line).once('end', end);
      return () => {
        events.off('line', line).off('end', end);
      };
    },
  };
}

function cut(bytes: Buffer): { whole: Buffer[]; left: Buffer } {
  const whole: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, from)) {
    whole.push(bytes.subarray(from, at + 1));
    from = at + 1;
  }
  return { whole, left: bytes.subarray(from) };
}
