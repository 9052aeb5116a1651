import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { argvOf } from './argv.js';
import { startContainer, type ContainerRun } from './container-run.js';
import { environmentOf } from './environment.js';
import { localised, type Mounts } from './expansion.js';
import type { NodeContext } from './node-context.js';
import { NotYet, type Container, type Image, type Pod } from './pod.js';
import { makeVolumes, mountsOf } from './volumes.js';

export interface ContainerRequest {
  pod: Pod;
  container: Container;
  gpus: readonly number[];
  twice: boolean;
}

/**
 * Makes a container of a pod and starts its program.
 *
 * @throws NotYet when something it needs is not there.
 */
export async function makeContainer(
  node: NodeContext,
  { pod, container, gpus, twice }: ContainerRequest,
): Promise<ContainerRun> {
  const image = node.images[container.image];
  if (!image) throw pullRefused(container.image);
  const place = join(node.directory, pod.metadata.uid);
  const volumes = await makeVolumes(node.api, pod, join(place, 'volumes'));
  const cwd = join(place, 'containers', container.name);
  const terminationLog = `${cwd}.termination-log`;
  const mounts = mountsOf(container, volumes, terminationLog);
  for (const folder of mounts.values())
    if (folder !== terminationLog) await mkdir(folder, { recursive: true });
  const values = await environmentOf(node.api, { pod, container, mounts });
  const env = { ...standing(node, { pod, image, mounts, gpus }), ...values };
  return startContainer({
    container,
    id: `process://${pod.metadata.uid}/${container.name}`,
    argv: argvOf(container, image, { values, mounts }),
    env,
    cwd: container.workingDir ? localised(container.workingDir, mounts) : cwd,
    terminationLog,
    twice,
    watchdog: node.watchdog,
    memory: node.memory,
  });
}

interface Standing {
  pod: Pod;
  image: Image;
  mounts: Mounts;
  gpus: readonly number[];
}

/** The variables that a container has without asking. */
function standing(
  node: NodeContext,
  { pod, image, mounts, gpus }: Standing,
): Record<string, string> {
  const temporary = mounts.get('/tmp');
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOSTNAME: pod.metadata.name,
    ...(temporary !== undefined && { TMPDIR: temporary }),
    ...(gpus.length > 0 && { NVIDIA_VISIBLE_DEVICES: gpus.join(',') }),
    ...node.env,
    ...image.env,
  };
}

export const pullRefused = (image: string): NotYet =>
  new NotYet('ErrImagePull', `failed to pull and unpack image "${image}": not found`);
