import { ALIASES, REGISTRY_TAGS } from '../../../temporal/names.js';
import type { Aliases, Registry } from '../port.js';
import { RegisteredModelPage } from './answers.js';
import { isRefusal } from './errors.js';
import { allPages } from './pages.js';
import type { Parts } from './parts.js';
import { getRegisteredModel } from './registered-models.js';
import { quoted } from './tags.js';
import { searchVersions } from './versions.js';

const PAGE = 1_000;
const OURS = `tags.\`${REGISTRY_TAGS.tag}\` LIKE '%'`;

/** What MLflow shows, as the projection would have written it. */
export function createObserved({
  mlflow,
}: Parts): Pick<Registry, 'aliases' | 'statuses' | 'allAliases'> {
  return {
    async aliases(tag) {
      const model = await getRegisteredModel(mlflow, tag).catch((error: unknown) => {
        if (isRefusal(error, 'RESOURCE_DOES_NOT_EXIST')) return null;
        throw error;
      });
      return aliasesOf(model?.aliases ?? {});
    },

    async statuses(tag) {
      const versions = await searchVersions(mlflow, `name = ${quoted(tag)}`);
      return Object.fromEntries(
        versions.map(({ version, tags }) => [String(version), tags[REGISTRY_TAGS.status] ?? '']),
      );
    },

    async allAliases() {
      // By name, so that a model that is created meanwhile moves others by one place at most; the next sweep sees the one it hid.
      const models = await allPages((token) => {
        const query = {
          filter: OURS,
          max_results: PAGE,
          order_by: ['name ASC'],
          ...(token !== undefined && { page_token: token }),
        };
        return mlflow.call('search registered models', RegisteredModelPage, (api) =>
          api.GET('/api/2.0/mlflow/registered-models/search', { params: { query } }),
        );
      });
      return models.map(({ name, aliases }) => ({ tag: name, ...aliasesOf(aliases) }));
    },
  };
}

const aliasesOf = (aliases: Record<string, number>): Aliases => ({
  champion: aliases[ALIASES.champion] ?? null,
  previous: aliases[ALIASES.previous] ?? null,
  challenger: aliases[ALIASES.challenger] ?? null,
});
