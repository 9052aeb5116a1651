import type { Answer } from './http-forward.js';

const MAX_PATHS = 1_000;

/** The last answer of each GET, for stale reads. */
export interface PastAnswers {
  keep: (line: string, answer: Answer) => void;
  of: (line: string) => Answer | undefined;
}

export function createPastAnswers(): PastAnswers {
  const answers = new Map<string, Answer>();
  return {
    keep: (line, answer) => {
      if (!line.startsWith('GET ')) return;
      answers.delete(line);
      answers.set(line, answer);
      const [oldest] = answers.keys();
      if (answers.size > MAX_PATHS && oldest !== undefined) answers.delete(oldest);
    },
    of: (line) => answers.get(line),
  };
}
