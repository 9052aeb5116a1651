import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { expanded, localised, type Mounts } from './expansion.js';
import type { Container, Image } from './pod.js';

/** What a container runs: its own command instead of the image's entry point, and its arguments behind either. */
export function argvOf(
  { command, args = [] }: Container,
  image: Image,
  { values, mounts }: { values: Readonly<Record<string, string>>; mounts: Mounts },
): string[] {
  const own = (text: string): string => localised(expanded(text, values), mounts);
  return [...(command?.map(own) ?? image.command), ...args.map(own)];
}

export async function canRun(program: string, path = ''): Promise<boolean> {
  const places = program.includes('/')
    ? [program]
    : path.split(delimiter).map((folder) => join(folder, program));
  const found = await Promise.all(
    places.map((place) =>
      access(place, constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
