import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { must, once } from './binaries.ts';
import { isListening, isRunning, type Server, START_MS, startDetached, stopServer } from './server.ts';
import { freePorts, readState, removeRunFolder, runFolder, type Service, writeState } from './service.ts';
import { versions } from './versions.ts';

/** It notifies nobody: suites read its alerts. */
const CONFIG = 'route: { receiver: none, group_wait: 1s }\nreceivers: [{ name: none }]\n';

/** Debian's binary reads its templates from this folder of an installed package. */
const TEMPLATES = '/usr/share/prometheus/alertmanager';

/** Debian's Alertmanager, and the tool that checks rules of Debian's Prometheus; unpacked, not installed. */
export const alertmanager: Service = {
  name: 'alertmanager',
  sets: ['ALERTMANAGER_URL', 'PROMTOOL'],
  async fetch() {
    await unpacked();
  },
  async up() {
    const known = running();
    if (known !== null) return variablesOf(known);
    const [port] = await freePorts(1);
    const directory = runFolder('alertmanager');
    writeFileSync(join(directory, 'config.yml'), CONFIG);
    for (const name of ['default.tmpl', 'email.tmpl'])
      copyFileSync(join(await unpacked(), TEMPLATES, name), join(directory, name));
    const server = startDetached({
      command: join(await unpacked(), 'usr/bin/prometheus-alertmanager'),
      args: [
        `--config.file=${join(directory, 'config.yml')}`,
        `--storage.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      directory,
      port,
      log: join(directory, 'log'),
      env: {},
    });
    for (const end = Date.now() + START_MS; !(await isListening(port)); await sleep(50))
      if (!isRunning(server) || Date.now() > end)
        throw new Error(`Alertmanager does not answer; see ${join(directory, 'log')}`);
    writeState('alertmanager', server);
    return variablesOf(server);
  },
  async down() {
    const server = running();
    if (server !== null) await stopServer(server);
    removeRunFolder('alertmanager');
  },
  async status() {
    const server = running();
    return server === null ? null : variablesOf(server);
  },
};

async function variablesOf({ port }: Server): Promise<Readonly<Record<string, string>>> {
  return { ALERTMANAGER_URL: `http://127.0.0.1:${port}`, PROMTOOL: join(await unpacked(), 'usr/bin/promtool') };
}

function running(): Server | null {
  const server = readState<Server>('alertmanager');
  return server !== null && isRunning(server) ? server : null;
}

function unpacked(): Promise<string> {
  const { version, debian } = versions.alertmanager;
  return once(`alertmanager-${version}`, async (into) => {
    await must('apt-get', ['download', ...debian], into).catch(async () => {
      // A machine without package lists.
      await must('apt-get', ['update'], into);
      await must('apt-get', ['download', ...debian], into);
    });
    for (const file of readdirSync(into).filter((name) => name.endsWith('.deb')))
      await must('dpkg-deb', ['-x', file, '.'], into);
    readTemplatesHere(join(into, 'usr/bin/prometheus-alertmanager'));
  });
}

/** The binary is not installed: it gets a path of the same length, its working directory. */
function readTemplatesHere(path: string): void {
  const bytes = readFileSync(path);
  // Other paths begin with it; the linker puts shorter texts first.
  const at = bytes.indexOf(TEMPLATES);
  if (at === -1 || bytes[at + TEMPLATES.length] === 0x2f) throw new Error(`${path} does not name ${TEMPLATES}`);
  bytes.write('./'.repeat(TEMPLATES.length / 2), at, 'latin1');
  writeFileSync(path, bytes);
}
