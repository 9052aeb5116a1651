import type { Stack } from 'modelyard/dev';

/** The variables by which another process finds the stack, as `modelyard dev` prints them. */
export function environmentOf(stack: Stack): NodeJS.ProcessEnv {
  return {
    ...process.env,
    TEMPORAL_ADDRESS: stack.temporal.address,
    TEMPORAL_NAMESPACE: stack.temporal.namespace,
    TEMPORAL_UI_URL: stack.temporal.uiUrl,
    MLFLOW_TRACKING_URI: stack.mlflow.url,
    MODELYARD_GATEWAY_URL: stack.gateway.url,
  };
}
