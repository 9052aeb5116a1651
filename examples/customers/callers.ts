import type { Platform, ScoreInput } from 'modelyard';

const PAUSE_MS = 50;

/** Somebody who asks again and again, whatever the answers are; live checks judge what such callers get. */
export function startCaller(platform: Platform, tag: string, input: ScoreInput): AsyncDisposable {
  let going = true;
  const call = async (): Promise<void> => {
    while (going) {
      await platform.score(tag, input).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const calling = call();
  return {
    async [Symbol.asyncDispose]() {
      going = false;
      await calling;
    },
  };
}
