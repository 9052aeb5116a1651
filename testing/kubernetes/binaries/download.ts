import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runCommand } from '../../../temporal/server/command.mjs';
import { fetchTo } from '../../../temporal/server/download.mjs';
import { PROGRAMS, type Program, type Release } from './release.js';

/** Where the projects publish what they release. */
export interface ReleaseServices {
  kubernetes: string;
  etcd: string;
}

export interface Download {
  release: Release;
  /** The directory the programs come to. */
  destination: string;
  report: (line: string) => void;
  services?: ReleaseServices;
  /** For an answer, and for every pause between two pieces of it. */
  timeoutMs?: number;
}

const SERVICES: ReleaseServices = {
  kubernetes: 'https://dl.k8s.io',
  etcd: 'https://github.com/etcd-io/etcd/releases/download',
};
const ARCHITECTURES: Partial<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Fetches the programs as the projects released them, and checks each against its published digest. */
export async function downloadPrograms(download: Download): Promise<void> {
  const platform = `${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`;
  if (!/^linux-(amd64|arm64)$/.test(platform))
    throw new Error(`there is no release of the Kubernetes control plane for ${platform}`);
  const { release, destination, report } = download;
  await mkdir(destination, { recursive: true });
  report(`downloading Kubernetes ${release.kubernetes} and etcd ${release.etcd}`);
  await fetchEtcd(download, platform);
  for (const program of PROGRAMS)
    if (program !== 'etcd') await fetchKubernetes(download, platform, program);
  for (const program of PROGRAMS) await chmod(join(destination, program), 0o755);
}

async function fetchKubernetes(download: Download, platform: string, program: Program) {
  const { release, destination, services = SERVICES } = download;
  const url = `${services.kubernetes}/${release.kubernetes}/bin/${platform.replace('-', '/')}/${program}`;
  const path = join(destination, program);
  await fetched(download, url, path);
  await fetched(download, `${url}.sha256`, `${path}.sha256`);
  await verify(path, (await readFile(`${path}.sha256`, 'utf8')).trim());
  await rm(`${path}.sha256`);
}

async function fetchEtcd(download: Download, platform: string) {
  const { release, destination, services = SERVICES } = download;
  const folder = `etcd-${release.etcd}-${platform}`;
  const base = `${services.etcd}/${release.etcd}`;
  const archive = join(destination, `${folder}.tar.gz`);
  const digests = join(destination, 'SHA256SUMS');
  await fetched(download, `${base}/${folder}.tar.gz`, archive);
  await fetched(download, `${base}/SHA256SUMS`, digests);
  await verify(archive, digestIn(await readFile(digests, 'utf8'), basename(archive)));
  const options = ['--strip-components=1', `${folder}/etcd`];
  await runCommand('tar', ['-xzf', archive, '-C', destination, ...options], { timeoutMs: 120_000 });
  await Promise.all([rm(archive), rm(digests)]);
}

const fetched = (download: Download, url: string, path: string): Promise<void> =>
  fetchTo(url, path, download.timeoutMs ?? 10_000);

const digestIn = (digests: string, name: string): string =>
  digests
    .split('\n')
    .map((line) => line.split(/\s+/))
    .find(([, file]) => file === name)?.[0] ?? 'none';

async function verify(path: string, wanted: string): Promise<void> {
  const digest = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  if (digest !== wanted)
    throw new Error(`expected ${basename(path)} with sha256 ${wanted}, got ${digest}`);
}
