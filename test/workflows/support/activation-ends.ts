import { proxySinks, type Sinks, type WorkflowInterceptors } from '@temporalio/workflow';

export interface ActivationSinks extends Sinks {
  activations: { concluded(): void };
}

const { activations } = proxySinks<ActivationSinks>();

/**
 * Tells the worker when workflow code has run as far as it can: the worker hears of it before the server hears of the commands,
 * once for each time, and neither when a history is read again nor for a query.
 */
export function interceptors(): WorkflowInterceptors {
  let moved = false;
  return {
    internals: [
      {
        activate(input, next) {
          moved ||= input.activation.jobs?.some((job) => !job.queryWorkflow) ?? false;
          next(input);
        },
        concludeActivation(input, next) {
          if (moved) activations.concluded();
          moved = false;
          return next(input);
        },
      },
    ],
  };
}
