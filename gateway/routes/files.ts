import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FencedRoute } from '../../temporal/contracts/route.js';
import { UNFINISHED, writeDurably } from '../durable.js';
import { messageOf } from '../log.js';

const EXTENSION = '.json';

export interface RestoredRoutes {
  routes: FencedRoute[];
  /** By tag: why its file cannot be trusted. Its fence is unknown, so the tag is neither served nor written. */
  unreadable: Map<string, string>;
}

/** One file per tag. A tag's grammar has no path separator and no leading dot, so it is a safe file name. */
export class RouteFiles {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async write(route: FencedRoute): Promise<void> {
    await writeDurably(this.#pathOf(route.tag), `${JSON.stringify(route)}\n`);
  }

  async restore(): Promise<RestoredRoutes> {
    const restored: RestoredRoutes = { routes: [], unreadable: new Map() };
    for (const name of await readdir(this.#directory)) {
      if (name.endsWith(UNFINISHED)) await rm(join(this.#directory, name), { force: true });
      else if (name.endsWith(EXTENSION))
        await this.#restoreOne(name.slice(0, -EXTENSION.length), restored);
    }
    return restored;
  }

  async #restoreOne(tag: string, into: RestoredRoutes): Promise<void> {
    const path = this.#pathOf(tag);
    try {
      const route = FencedRoute.parse(JSON.parse(await readFile(path, 'utf8')));
      if (route.tag !== tag)
        throw new Error(`expected the route of '${tag}', got that of '${route.tag}'`);
      into.routes.push(route);
    } catch (error) {
      into.unreadable.set(
        tag,
        `${path} cannot be read as a route: ${messageOf(error)}; restore the file and restart the gateway`,
      );
    }
  }

  #pathOf(tag: string): string {
    return join(this.#directory, `${tag}${EXTENSION}`);
  }
}
