import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { dirname, resolve } from 'node:path';
import { startOwn } from '../../process/start-child.ts';
import type { Call } from '../command.ts';
import { mainProgram } from '../main-program.ts';
import { configPath, loadConfig } from '../open/load-config.ts';
import type { devOptions } from '../options/loaded-options.ts';
import { pageOf, runServer } from './run-server.ts';
import { sayListening } from './say-listening.ts';
import { type WatchedFiles, watchFiles } from './watch-files.ts';

/** Set in the process that serves: its port, which stays that of the first start. */
const PORT_VARIABLE = 'HEADRACE_DEV_PORT';

type DevCall = Call<typeof devOptions>;

/** Serves in a separate process, and starts it again when a file of the project changes. Errors: DEV_RESET, DEV_RUNNING. */
export async function runDev(call: DevCall): Promise<void> {
  const again = process.env[PORT_VARIABLE];
  if (again !== undefined && process.send !== undefined) return serveOnce(call, again);
  let port = String(call.options.port);
  if (call.options.reset) await reset(call);
  const files = watchFiles(dirname(configPath(call)));
  const ofData = dataFolder(call, files);
  try {
    const first = startChild(port, ofData);
    const [listening] = await Promise.race([listeningOf(first), once(first, 'exit').then(() => [null])]);
    if (listening === null) {
      process.exitCode = first.exitCode ?? 1;
      return;
    }
    port = String(listening);
    await reload(call, files, first, () => startChild(port, ofData));
  } finally {
    files.close();
  }
}

async function reset(call: DevCall): Promise<void> {
  const { resetData } = await import('../../site/reset-data.ts');
  const { environment } = await loadConfig(call);
  resetData(environment);
  call.terminal.err(`headrace: the data in ${environment.directory} is removed`);
}

/** Starts a new process for each change, until the call is asked to stop. */
async function reload(
  call: DevCall,
  files: WatchedFiles,
  first: ChildProcess,
  start: () => ChildProcess,
): Promise<void> {
  const stopped = call.terminal.stopped.then(() => null);
  let child = first;
  for (;;) {
    tellEnd(call, child);
    const changed = await Promise.race([files.changed(), stopped]);
    await end(child);
    if (changed === null) {
      process.exitCode = child.exitCode ?? 1;
      return;
    }
    call.terminal.err(`headrace: ${changed} has changed; starting again`);
    child = start();
  }
}

/** Says that a process which ended by itself, by a fault of the new files for example, starts again with the next change. */
function tellEnd({ terminal }: Call, child: ChildProcess): void {
  child.once('exit', (code, signal) => {
    if (!endedByUs.has(child)) terminal.err(`headrace: it has ended (${signal ?? code}); waiting for a change`);
  });
}

const endedByUs = new WeakSet<ChildProcess>();

async function end(child: ChildProcess): Promise<void> {
  endedByUs.add(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}

/** The port, once the process listens. */
function listeningOf(child: ChildProcess): Promise<readonly [string]> {
  return new Promise((resolve) => {
    child.on('message', (said: FromChild) => {
      if ('port' in said) resolve([said.port]);
    });
  });
}

/** A process that serves tells where its data lie, before it opens them, and its port. */
type FromChild = { readonly directory: string } | { readonly port: string };

/** Leaves the folder of the data unwatched, and says when a change has moved it. */
function dataFolder({ terminal }: Call, files: WatchedFiles): (directory: string) => void {
  let before: string | null = null;
  return (directory) => {
    if (before !== null && before !== directory)
      terminal.err(`headrace: the data are in ${directory} from now on; those in ${before} stay there`);
    before = directory;
    files.ignore(directory);
  };
}

function startChild(port: string, ofData: (directory: string) => void): ChildProcess {
  const child = startOwn(mainProgram, process.argv.slice(2), {
    env: { ...process.env, [PORT_VARIABLE]: port },
    stdio: ['inherit', 'inherit', 'inherit'],
  });
  child.on('message', (said: FromChild) => {
    if ('directory' in said) ofData(said.directory);
  });
  // A signal that ends this process at once ends it too.
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  child.once('exit', () => process.off('exit', kill));
  return child;
}

/** The process that serves: ends with the one that started it. */
async function serveOnce(call: DevCall, port: string): Promise<void> {
  const gone = new Promise<void>((resolve) => process.once('disconnect', resolve));
  const { terminal } = call;
  const own: DevCall = {
    ...call,
    options: { ...call.options, port: Number(port) },
    terminal: {
      out: terminal.out,
      err: terminal.err,
      interactive: terminal.interactive,
      get stopped() {
        return Promise.race([terminal.stopped, gone]);
      },
    },
  };
  try {
    const { environment } = await loadConfig(call);
    process.send?.({ directory: resolve(environment.directory) } satisfies FromChild);
    await runServer(own, { host: '127.0.0.1', hosts: call.options['host-name'] ?? [] }, ({ url }, services) => {
      process.send?.({ port: new URL(url).port } satisfies FromChild);
      sayStarted(call, url, services);
    });
  } finally {
    process.disconnect?.();
  }
}

function sayStarted(call: DevCall, url: string, services: readonly string[]): void {
  const { json, terminal } = call;
  sayListening(call, url, pageOf(call, url), '; starts again when a file changes; Ctrl-C stops');
  if (json) return;
  terminal.out(`  curl ${url}/openapi.json`);
  for (const service of services)
    terminal.out(`  curl -H content-type:application/json ${url}/v1/features/${service} -d '{"request":{…}}'`);
}
