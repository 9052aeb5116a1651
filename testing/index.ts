/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Contract suites: what every adapter of a port keeps. Each is a list of titled cases, for any test runner:
 *
 * ```ts
 * for (const { title, run } of computeContract) it(title, () => run(makeComputeUnderTest));
 * ```
 *
 * And fault proxies: what the network does to a client and its server, by rule or by seeded chance. And a Kubernetes cluster
 * whose control plane is real and whose pods are processes.
 *
 * @module
 */
export { artifactsContract, type ArtifactsUnderTest } from './artifacts-contract.js';
export { computeContract, type ComputeUnderTest, type JobScript } from './compute-contract.js';
export type { ContractCase } from './contract-case.js';
export type { Garbage } from './fault-proxy/garbage.js';
export type { HttpFault } from './fault-proxy/http-faults.js';
export { startHttpFaultProxy, type HttpFaultProxy } from './fault-proxy/http-proxy.js';
export type { FaultProxy, Injection, Storm } from './fault-proxy/proxy.js';
export type { Span } from './fault-proxy/random.js';
export type { TcpFault, TcpStrike } from './fault-proxy/tcp-faults.js';
export { startTcpFaultProxy, type TcpFaultProxy } from './fault-proxy/tcp-proxy.js';
export { hostingContract, type HostingUnderTest } from './hosting-contract.js';
export type { ApiUse } from './kubernetes/audit.js';
export { obtainControlPlane, type ObtainOptions } from './kubernetes/binaries/obtain.js';
export { startCluster, type Cluster, type ClusterOptions } from './kubernetes/cluster.js';
export type { Account, ControlPlane } from './kubernetes/control-plane.js';
export type { PodFault, PodStrike } from './kubernetes/kubelet/faults.js';
export type { KubeletOptions, ProcessKubelet } from './kubernetes/kubelet/kubelet.js';
export type { Image, Images } from './kubernetes/kubelet/pod.js';
export type { AccountRequest, RoleRule } from './kubernetes/service-account.js';
export { registryContract, type LoggedPoint, type RegistryUnderTest } from './registry-contract.js';
export { routingContract, type RoutingUnderTest } from './routing-contract.js';
