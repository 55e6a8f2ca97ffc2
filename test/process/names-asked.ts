import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { telemetryOff } from '../../src/process/telemetry.ts';
import { childEnv } from '../child-env.ts';
import { ended } from '../cli/run-cli.ts';

const stub = fileURLToPath(new URL('processes/dns-stub.ts', import.meta.url));

/** Whether this system lets a user have a network, and a file of name servers, of his own. */
export const canIsolate =
  spawnSync('unshare', ['-rnm', 'sh', '-c', 'ip link set lo up && mount --bind /dev/null /etc/resolv.conf']).status ===
  0;

/** A program of this Node, as a command. */
export const node = [process.execPath, '--conditions=headrace-source'];

/**
 * Runs a program without telemetry variables but those of `more`, in its own network: the names that it asks for, and the files that
 * it leaves in its home and temporary folders, which are below `folder`.
 */
export async function namesAsked(folder: string, command: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const env: NodeJS.ProcessEnv = { ...childEnv(), NODE_COMPILE_CACHE: undefined };
  for (const name of Object.keys(telemetryOff)) delete env[name];
  const places = { HOME: join(folder, 'home'), TMPDIR: join(folder, 'tmp'), XDG_CACHE_HOME: join(folder, 'cache') };
  for (const path of Object.values(places)) mkdirSync(path);
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
  const setUp = 'ip link set lo up && mount --bind "$0" /etc/resolv.conf && exec "$@"';
  const words = ['-rnm', 'sh', '-c', setUp, join(folder, 'resolv.conf'), ...node, stub, ...command];
  const { out, err } = await ended(spawn('unshare', words, { env: { ...env, ...places, ...more } }));
  const { names, code } = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '');
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  const files = Object.values(places).flatMap((path) => readdirSync(path, { recursive: true, encoding: 'utf8' }));
  return { names: names as readonly string[], files, out, err };
}
