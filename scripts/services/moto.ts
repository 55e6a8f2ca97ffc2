import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, once } from './binaries.ts';
import { isListening, isRunning, type Server, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

/** A server that speaks the protocol of S3, empty at its start. */
export const moto: Service = {
  name: 'moto',
  sets: ['S3_ENDPOINT'],
  async fetch() {
    await libraries();
  },
  async up() {
    const known = running();
    if (known !== null) return told(known);
    const [port] = await freePorts(1);
    const directory = runFolder('moto');
    const server = startDetached({
      command: 'python3',
      args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', `${port}`],
      directory,
      port,
      log: join(directory, 'log'),
      env: { PYTHONPATH: await libraries() },
    });
    for (const end = Date.now() + START_MS; !(await isListening(port)); await sleep(50))
      if (!isRunning(server) || Date.now() > end)
        throw new Error(`moto does not answer; see ${join(directory, 'log')}`);
    writeState('moto', server);
    return told(server);
  },
  async down() {
    const server = running();
    if (server !== null) await stopServer(server);
    removeRunFolder('moto');
  },
  async status() {
    const server = running();
    return server === null ? null : told(server);
  },
};

const told = ({ port }: Server) => ({ S3_ENDPOINT: `http://127.0.0.1:${port}` });

function running(): Server | null {
  const server = readState<Server>('moto');
  return server !== null && isRunning(server) ? server : null;
}

function libraries(): Promise<string> {
  const { version } = versions.moto;
  return once(`moto-${version}`, async (into) => {
    const quiet = ['--disable-pip-version-check', '--quiet', '--no-compile'];
    await must('python3', ['-m', 'pip', 'install', ...quiet, '--target', '.', `moto[server]==${version}`], into);
  });
}
