import { obtainControlPlane } from '../dist/testing/kubernetes/binaries/obtain.js';

/**
 * Kubernetes' own programs for the tests that run on them, made here so that no test's time goes into minutes of compiling. Where
 * there is no way to have them this says why, and those tests are skipped, or fail where CI runs them.
 */
try {
  const folder = await obtainControlPlane({ report: console.log });
  console.log(`Kubernetes: ready, ${folder}`);
} catch (error) {
  if (!(error instanceof Error) || error.name !== 'SetupError') throw error;
  console.log(error.message);
}
