import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Stack } from 'modelyard/dev';
import { environmentOf } from './environment.js';

const CLI = fileURLToPath(new URL('../../../dist/sdk/cli/main.js', import.meta.url));

export interface Finding {
  check: string;
  ok: boolean;
  detail: string;
}

/** What `modelyard doctor` finds of the stack, and how it ends. */
export function doctor(stack: Stack): Promise<{ code: number; findings: Finding[] }> {
  const command = [CLI, '--json', 'doctor'];
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env: environmentOf(stack) }, (error, stdout) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, findings: JSON.parse(stdout) as Finding[] });
    });
  });
}

export const ofCompute = (findings: readonly Finding[]): Finding[] =>
  findings.filter(({ check }) => check.startsWith('compute'));
