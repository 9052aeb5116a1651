/** Replaces `$(NAME)` by its value. `$$` stands for one `$`, and a name that is not there stays as it is written. */
export const expanded = (text: string, values: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\$\$|\$\(([^)]*)\)/g, (found, name: string | undefined) =>
    found === '$$' ? '$' : (values[name ?? ''] ?? found),
  );

/** Where the paths of a container are on this machine, by the container's path. */
export type Mounts = ReadonlyMap<string, string>;

/**
 * Writes a container's paths as those of this machine. There is no mount namespace, so what is said to a program has to be
 * said of the folders that stand for the volumes. What follows a `/`, as in a `file:` URI, is of this machine already.
 */
export function localised(text: string, mounts: Mounts): string {
  if (mounts.size === 0) return text;
  const paths = [...mounts.keys()].sort((a, b) => b.length - a.length).map(escaped);
  const path = new RegExp(`(?<![\\w.~/-])(?:${paths.join('|')})(?![\\w.-])`, 'g');
  return text.replaceAll(path, (found) => mounts.get(found) ?? found);
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
