/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Contract suites: what every adapter of a port keeps. Each is a list of titled cases, for any test runner:
 *
 * ```ts
 * for (const { title, run } of computeContract) it(title, () => run(makeComputeUnderTest));
 * ```
 *
 * @module
 */
export { artifactsContract, type ArtifactsUnderTest } from './artifacts-contract.js';
export { computeContract, type ComputeUnderTest, type JobScript } from './compute-contract.js';
export type { ContractCase } from './contract-case.js';
export { hostingContract, type HostingUnderTest } from './hosting-contract.js';
export { registryContract, type RegistryUnderTest } from './registry-contract.js';
export { routingContract, type RoutingUnderTest } from './routing-contract.js';
