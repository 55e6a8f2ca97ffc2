import cluster, { type Worker } from 'node:cluster';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { settlesWithin } from '../../base/closing.ts';
import { catalogue } from '../../base/errors/catalogue.ts';
import { fail } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { temporaryFolder } from '../../process/temporary-folder.ts';
import type { Member } from '../../server/workers/group.ts';
import { endingOf, endSoon } from './ending.ts';
import { grpcLine, pageOf, type ServeCall } from './run-server.ts';
import { startRegistryChild } from './served-children.ts';
import { ServedRelay } from './served-relay.ts';
import {
  type FromWorker,
  PART_VARIABLE,
  parseMessage,
  type Served,
  type ToWorker,
  type WorkerPart,
} from './worker-part.ts';

/** One that dies sooner than this after its start waits before the next, longer each time, ms. */
const QUICK_DEATH_MS = 5_000;
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;

/** Time after its limit at which a process is killed, ms: its clients have had their answers. */
const KILL_AFTER_MS = 10_000;

/**
 * Serves a project by several processes on one port: one that writes, unless all only read, and `workers` that read. Each that dies
 * is started again. Ends when the call is asked to stop, the readers first, so that what they hand on is taken.
 */
export async function serveGroup(
  call: ServeCall,
  host: string,
  readers: number,
  readOnly: boolean,
  started: (url: string) => void,
): Promise<void> {
  const port = await freePort(host, call.options.port);
  const asked = call.options['grpc-port'];
  const grpcPort = asked === undefined ? null : await freePort(host, asked);
  // Only this user may enter: messages over the sockets are trusted.
  const { path: folder, remove } = temporaryFolder('headrace-');
  const names = [...(readOnly ? [] : ['writer']), ...Array.from({ length: readers }, (_, i) => `reader-${i + 1}`)];
  const members = names.map((name): Member => {
    const role = name === 'writer' ? 'writer' : 'reader';
    return { name, role, socket: join(folder, `${name}.sock`) };
  });
  try {
    const writer = readOnly ? null : join(folder, 'forwarded.sock');
    const predictions = readOnly ? null : join(folder, 'predictions.sock');
    const group = new Supervised(call, members, { port, grpcPort, writer, predictions });
    const ending = endingOf(call);
    const url = await group.start();
    if (url === null) return;
    if (grpcPort !== null) call.terminal.out(grpcLine(host, grpcPort));
    started(url);
    const registry = readOnly ? null : await startRegistryChild(call, pageOf(call, url));
    await ending.stopped;
    await Promise.all([group.stop(ending.withinMs), registry?.stop()]);
  } finally {
    remove();
    endSoon();
  }
}

/** The same for all processes of a group. */
type Shared = Pick<WorkerPart, 'port' | 'grpcPort' | 'writer' | 'predictions'>;

class Supervised {
  readonly #call: ServeCall;
  readonly #members: readonly Member[];
  readonly #shared: Shared;
  readonly #running = new Map<string, Worker>();
  readonly #relay = new ServedRelay();
  readonly #restarts: Record<string, number> = {};
  /** Deaths shortly after the start, one after the other. */
  readonly #quick = new Map<string, number>();
  #stopping = false;

  constructor(call: ServeCall, members: readonly Member[], shared: Shared) {
    this.#shared = shared;
    this.#call = call;
    this.#members = members;
    for (const { name } of members) this.#restarts[name] = 0;
    cluster.setupPrimary({ serialization: 'advanced' });
  }

  /** Starts the writer, then the readers; gives the address, or null where one cannot start: it has said why. */
  async start(): Promise<string | null> {
    let url: string | null = '';
    for (const role of ['writer', 'reader'] as const) {
      if (this.#stopping) return null;
      const members = this.#members.filter((member) => member.role === role);
      for (const address of await Promise.all(members.map((member) => this.#first(member)))) {
        if (address === null) url = null;
        else if (url !== null && address !== '') url = address;
      }
      if (url === null) {
        await this.stop(endingOf(this.#call).withinMs);
        return null;
      }
    }
    for (const member of this.#members) this.#watch(member);
    return url;
  }

  /** Ends the readers, then the writer; each must end within `ms`. */
  async stop(withinMs: number): Promise<void> {
    this.#stopping = true;
    for (const role of ['reader', 'writer'] as const) {
      const names = this.#members.filter((member) => member.role === role).map(({ name }) => name);
      await Promise.all(names.map((name) => this.#end(name, withinMs)));
    }
  }

  async #end(name: string, withinMs: number): Promise<void> {
    const worker = this.#running.get(name);
    if (worker === undefined || worker.isDead()) return;
    const ended = once(worker, 'exit');
    tell(worker, { kind: 'stop' });
    if (await settlesWithin(ended, withinMs + KILL_AFTER_MS)) {
      // It has said why.
      if (worker.process.exitCode) process.exitCode = worker.process.exitCode;
      return;
    }
    this.#call.terminal.err(`headrace: ${name} does not end and is killed; the next start reads on in the log`);
    worker.process.kill('SIGKILL');
    await ended;
    process.exitCode ??= catalogue.CLOSE_UNFINISHED.exit;
  }

  /** A first start: its address when it is ready; null where it ends before, whose exit code is then this process's. */
  async #first(member: Member): Promise<string | null> {
    const worker = this.#fork(member);
    return new Promise((resolve) => {
      const ended = (code: number | null) => {
        if (!this.#stopping) process.exitCode = code === null || code === 0 ? 1 : code;
        resolve(null);
      };
      worker.once('exit', ended);
      worker.on('message', (received: unknown) => {
        const message = parseMessage<FromWorker>(received);
        if (message?.kind !== 'ready') return;
        worker.off('exit', ended);
        resolve(message.url);
      });
    });
  }

  #fork(member: Member): Worker {
    const { name, role } = member;
    const part: WorkerPart = {
      name,
      role,
      members: this.#members,
      ...this.#shared,
      restarts: this.#restarts,
    };
    rmSync(member.socket, { force: true });
    const { writer, predictions } = this.#shared;
    if (role === 'writer') for (const path of [writer, predictions]) if (path !== null) rmSync(path, { force: true });
    const worker = cluster.fork({ [PART_VARIABLE]: JSON.stringify(part) });
    this.#running.set(name, worker);
    worker.on('message', (received: unknown) => {
      const message = parseMessage<FromWorker>(received);
      if (message?.kind === 'served') this.#handOn(worker, message);
    });
    // Of a channel whose other end has died.
    worker.on('error', () => undefined);
    return worker;
  }

  #handOn(from: Worker, served: Served): void {
    this.#relay.relay(served, this.#running.get('writer'), (returned) => tell(from, returned));
  }

  /** Starts a process again when it ends. */
  #watch(member: Member): void {
    const { name } = member;
    const worker = this.#running.get(name);
    const since = performance.now();
    worker?.once(
      'exit',
      (code: number | null, signal: string | null) => void this.#again(member, since, signal ?? code),
    );
    // It may have ended before it was watched.
    if (worker?.isDead() === true) worker.emit('exit', worker.process.exitCode, worker.process.signalCode);
  }

  async #again(member: Member, since: number, how: string | number | null): Promise<void> {
    if (this.#stopping) return;
    const { name } = member;
    const quick = performance.now() - since < QUICK_DEATH_MS ? (this.#quick.get(name) ?? 0) + 1 : 0;
    this.#quick.set(name, quick);
    this.#restarts[name] += 1;
    this.#call.terminal.err(`headrace: ${name} ended (${how}) and is restarting`);
    if (quick > 1) await wait(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (quick - 2)));
    if (this.#stopping) return;
    this.#fork(member);
    this.#watch(member);
    for (const worker of this.#running.values()) tell(worker, { kind: 'restarts', restarts: this.#restarts });
  }
}

/**
 * The port, or a free one for 0. Processes of one user can share a port, which is not meant where another server has it. Error:
 * SERVER_ADDRESS.
 */
async function freePort(host: string, port: number): Promise<number> {
  const server = createServer();
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  } catch (error) {
    const reason = reasonOf(error);
    throw fail('SERVER_ADDRESS', { address: `${host}:${port}`, reason }, error);
  } finally {
    server.close();
  }
}

function tell(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => undefined);
}
