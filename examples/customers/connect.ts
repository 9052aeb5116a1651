import { Platform } from 'modelyard';
import { startStack } from 'modelyard/dev';

const DIRECTORY = '.modelyard/examples';

export interface Connected extends AsyncDisposable {
  platform: Platform;
  /** The same platform for another person. */
  as(actor: string): Promise<Platform>;
}

/**
 * The platform that TEMPORAL_ADDRESS, MLFLOW_TRACKING_URI and MODELYARD_GATEWAY_URL name; without the first, one on a
 * stack of this machine, which ends with the program and resumes where it was the next time.
 */
export async function connect(): Promise<Connected> {
  await using begun = new AsyncDisposableStack();
  let settings = {};
  if (process.env['TEMPORAL_ADDRESS'] === undefined) {
    const stack = begun.use(await startStack({ directory: DIRECTORY, log: 'info' }));
    settings = {
      temporal: { address: stack.temporal.address, uiUrl: stack.temporal.uiUrl },
      mlflow: { trackingUri: stack.mlflow.url },
      gateway: { url: stack.gateway.url },
    };
  }
  const platform = begun.use(await Platform.connect(settings));
  const kept = begun.move();
  return {
    platform,
    as: async (actor) => kept.use(await Platform.connect({ ...settings, actor })),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
