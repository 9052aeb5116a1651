import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../dist/sdk/dev/ports.js';

export interface Nginx {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** One process that passes requests to one model server and a copy of each to the other; null where nginx is not installed. */
export async function startNginx(
  directory: string,
  ports: { live: number; candidate: number },
): Promise<Nginx | null> {
  if (spawnSync('nginx', ['-v']).error) return null;
  const port = await freePort();
  const prefix = join(directory, 'nginx');
  await mkdir(join(prefix, 'logs'), { recursive: true });
  await writeFile(join(prefix, 'nginx.conf'), configuration(port, ports));
  const child = spawn('nginx', ['-p', prefix, '-c', 'nginx.conf'], { stdio: 'inherit' });
  const ended = once(child, 'close');
  const url = `http://127.0.0.1:${String(port)}`;
  while (!(await answers(url))) {
    if (child.exitCode !== null) throw new Error('nginx ended before it answered; see above');
    await sleep(50);
  }
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  return { url, pid: child.pid ?? 0, stop };
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    () => true,
    () => false,
  );

const configuration = (port: number, ports: { live: number; candidate: number }): string => `
daemon off;
master_process off;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 4096; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream live { server 127.0.0.1:${String(ports.live)}; keepalive 64; }
  upstream candidate { server 127.0.0.1:${String(ports.candidate)}; keepalive 64; }
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen 127.0.0.1:${String(port)};
    keepalive_requests 1000000;
    location /invocations { mirror /copy; proxy_pass http://live/invocations; }
    location = /copy { internal; proxy_pass http://candidate/invocations; }
  }
}
`;
