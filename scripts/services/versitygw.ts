import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, once } from './binaries.ts';
import { isListening, isRunning, type Server, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

const NAME = 'versitygw';
const { version, module } = versions.versitygw;
const FOLDER = `${NAME}-${version}`;

/** The one account of the server. */
const ACCESS = 'headrace';
const SECRET = 'a-secret-of-tests';

/**
 * A server of S3 that checks signatures, over a folder. Building it takes minutes, once; where there is no Go the variable is
 * `none:` and the reason.
 */
export const versitygw: Service = {
  name: NAME,
  sets: ['VERSITYGW'],
  async fetch() {
    await binary();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const program = await binary().catch((error: unknown) => new Error(String(error)));
    if (typeof program !== 'string') return { VERSITYGW: `none:${program.message}` };
    const [port] = await freePorts(1);
    const directory = runFolder(NAME);
    const data = join(directory, 'data');
    const metadata = join(directory, 'metadata');
    for (const folder of [data, metadata]) mkdirSync(folder, { recursive: true });
    const server = startDetached({
      command: program,
      // Not every file system has extended attributes: they are in their own folder.
      args: ['--port', `127.0.0.1:${port}`, 'posix', '--sidecar', metadata, data],
      // It changes into its data, and is known by that folder.
      directory: data,
      port,
      log: join(directory, 'log'),
      env: { ROOT_ACCESS_KEY: ACCESS, ROOT_SECRET_KEY: SECRET },
    });
    for (const end = Date.now() + START_MS; !(await isListening(port)); await sleep(50))
      if (!isRunning(server) || Date.now() > end)
        throw new Error(`${NAME} does not answer; see ${join(directory, 'log')}`);
    writeState(NAME, server);
    return told(server);
  },
  async down() {
    const server = running();
    if (server !== null) await stopServer(server);
    removeRunFolder(NAME);
  },
  async status() {
    const server = running();
    return server === null ? null : told(server);
  },
};

const told = ({ port }: Server) => ({ VERSITYGW: `http://127.0.0.1:${port},${ACCESS},${SECRET}` });

function running(): Server | null {
  const server = readState<Server>(NAME);
  return server !== null && isRunning(server) ? server : null;
}

/** The program, built from its public module. Throws with the reason where it cannot be built. */
async function binary(): Promise<string> {
  const folder = await once(FOLDER, async (into) => {
    const args = ['install', '-trimpath', `${module}@v${version}`];
    await must('go', args, into, { GOBIN: into, GOFLAGS: '' });
  });
  return join(folder, NAME);
}
