import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Ends process groups when this process ends, in whatever way. */
export interface Watchdog {
  watch: (groupId: number) => void;
  forget: (groupId: number) => void;
  /** From now on nobody watches. */
  stop: () => Promise<void>;
}

/**
 * Holds one end of a pipe: when the other end closes without a good-bye, its owner was killed. A group that ended has to be
 * forgotten, or its number may be somebody else's by then.
 */
const SCRIPT = `
trap '' INT TERM HUP
groups=
while read -r order group; do
  case $order in
    watch) groups="$groups $group" ;;
    forget) left=; for each in $groups; do [ "$each" = "$group" ] || left="$left $each"; done; groups=$left ;;
    done) exit 0 ;;
  esac
done
for each in $groups; do kill -s KILL -- "-$each" 2>/dev/null; done
sleep 1
rm -rf -- "$1"
`;

/** `directory` is removed too when this process was killed. */
export function startWatchdog(directory: string): Watchdog {
  const child = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env['PATH'] },
  });
  const ended = once(child, 'exit');
  // It was killed: the next order finds a closed pipe, and nobody else is to blame for it.
  child.stdin.on('error', () => undefined);
  child.unref();
  const order = (line: string): void => {
    child.stdin.write(`${line}\n`);
  };
  return {
    watch: (groupId) => order(`watch ${String(groupId)}`),
    forget: (groupId) => order(`forget ${String(groupId)}`),
    stop: async () => {
      child.ref();
      child.stdin.end('done\n');
      await ended;
    },
  };
}
