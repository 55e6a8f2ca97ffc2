import { cpSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, once } from './binaries.ts';
import { isListening, isRunning, type Server, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

const NAME = 'postgres';
/** `nobody`: PostgreSQL refuses to run as root. */
const OTHER_USER = 65_534;
const told = ({ port }: Server) => ({ POSTGRES_URL: `postgres://headrace@127.0.0.1:${port}/postgres` });

function running(): Server | null {
  const server = readState<Server>(NAME);
  return server !== null && isRunning(server) ? server : null;
}

/** Debian's PostgreSQL, unpacked, not installed. It runs as another user, in a folder that this user can reach. */
export const postgres: Service = {
  name: NAME,
  sets: ['POSTGRES_URL'],
  async fetch() {
    await unpacked();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const [port] = await freePorts(1);
    const folder = join(tmpdir(), `headrace-postgres-${port}`);
    const server = await start(folder, port, await unpacked());
    writeState(NAME, server);
    return told(server);
  },
  async down() {
    const server = running();
    if (server !== null) await stopServer(server);
    if (server !== null) rmSync(dirname(server.directory), { recursive: true, force: true });
    removeRunFolder(NAME);
  },
  async status() {
    const server = running();
    return server === null ? null : told(server);
  },
};

function unpacked(): Promise<string> {
  const { version, debian } = versions.postgres;
  return once(`postgres-${version}`, async (into) => {
    await must('apt-get', ['download', ...debian], into).catch(async () => {
      await must('apt-get', ['update'], into);
      await must('apt-get', ['download', ...debian], into);
    });
    for (const file of readdirSync(into).filter((name) => name.endsWith('.deb')))
      await must('dpkg-deb', ['-x', file, '.'], into);
  });
}

async function start(folder: string, port: number, from: string): Promise<Server> {
  mkdirSync(folder, { recursive: true });
  cpSync(join(from, 'usr'), join(folder, 'usr'), { recursive: true, verbatimSymlinks: true });
  const asOther = process.getuid?.() === 0 ? ['setpriv', `--reuid=${OTHER_USER}`, '--clear-groups', '--'] : [];
  if (asOther.length > 0) await must('chown', ['-R', String(OTHER_USER), folder], '/');
  const bin = join(folder, 'usr/lib/postgresql/15/bin');
  const libraries = readdirSync(join(folder, 'usr/lib')).find((name) => name.endsWith('-linux-gnu')) ?? '';
  const env = ['env', `LD_LIBRARY_PATH=${join(folder, 'usr/lib', libraries)}`];
  const command = (program: string, ...args: readonly string[]) => [...asOther, ...env, join(bin, program), ...args];
  const data = join(folder, 'data');
  const [first = '', ...rest] = command(
    'initdb',
    '-D',
    data,
    '-U',
    'headrace',
    '--auth=trust',
    '-E',
    'UTF8',
    '--locale=C.UTF-8',
  );
  if (!existsSync(data)) await must(first, rest, folder);
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    max_connections: '200',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [program = '', ...args] = command('postgres', '-D', data, '-p', String(port), ...options);
  // The server changes into its data: it is known by that folder.
  const server = startDetached({ command: program, args, directory: data, port, log: join(runFolder(NAME), 'log') });
  for (const end = Date.now() + START_MS; !(await isListening(port)); await sleep(50))
    if (!isRunning(server) || Date.now() > end)
      throw new Error(`postgres does not answer; see ${join(runFolder(NAME), 'log')}`);
  return server;
}
