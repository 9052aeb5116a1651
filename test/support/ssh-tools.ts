import { spawnSync } from 'node:child_process';

/** Why a test of OpenSSH's own programs cannot run here, or null. They are no part of the setup. */
export function missingSshTools(
  ...tools: ('ssh-keygen' | 'ssh-agent' | 'ssh-add')[]
): string | null {
  const missing = tools.filter((tool) => spawnSync(tool, ['-?']).error !== undefined);
  return missing.length === 0 ? null : `${missing.join(', ')} of OpenSSH not installed here`;
}
