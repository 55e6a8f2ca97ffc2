import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { fail, type HeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { GUARDS } from '../../process/guard.ts';
import { killGroup, startProgram } from '../../process/start-child.ts';
import type { Tensor } from '../../schema/tensor.ts';
import { encodeFrame, type Frame, FrameReader } from './frame.ts';
import { KEEPERS } from './isolation.ts';
import { killMarked, killTree, processTree } from './process-tree.ts';

/** Processes of a worker besides those of the model. */
const BESIDES = GUARDS + KEEPERS;

/** Bytes that are kept of the output of a worker, its end. */
const LAST_BYTES = 2_000;

/** How often the memory and the processes of a worker are looked at, ms. */
const LOOK_MS = 500;

export interface WorkerLimits {
  readonly memoryBytes: number;
  readonly processes: number;
  /** Of one frame that it sends. */
  readonly frameBytes: number;
}

export interface WorkerProgram {
  /** Of the version, for errors. */
  readonly of: { readonly model: string; readonly version: number };
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly limits: WorkerLimits;
}

interface Waiting {
  readonly resolve: (frame: Frame) => void;
  readonly reject: (error: HeadraceError) => void;
  readonly timer: NodeJS.Timeout;
}

/** One process of a model: requests in frames over its socket, and its end. It never starts again. */
export class WorkerProcess {
  readonly #program: WorkerProgram;
  readonly #child: ChildProcess;
  readonly #socket: Duplex;
  readonly #frames: FrameReader;
  readonly #waiting = new Map<number, Waiting>();
  readonly #mark = `HEADRACE_WORKER=${randomUUID()}`;
  readonly #watch: NodeJS.Timeout;
  readonly #gone = Promise.withResolvers<void>();
  #last = 0;
  #printed = '';
  /** Why it ends, where the server knows better than its exit code. */
  #cause: HeadraceError | null = null;
  #bytes = 0;

  constructor(program: WorkerProgram, onEnd: (error: HeadraceError) => void) {
    this.#program = program;
    const [name = '', value] = this.#mark.split('=');
    this.#child = startProgram(program.command, {
      env: { ...program.env, [name]: value },
      cwd: program.cwd,
      // Its output is never a message. Descriptor 3 is one end of a pair of Unix sockets.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      group: true,
    });
    this.#socket = this.#child.stdio[3] as Duplex;
    this.#frames = new FrameReader(program.limits.frameBytes);
    this.#socket.on('data', (chunk: Uint8Array) => this.#read(chunk));
    this.#socket.on('error', () => undefined);
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#printed = (this.#printed + text).slice(-LAST_BYTES);
      });
    this.#child.once('error', (error) => this.#ended(reasonOf(error), onEnd));
    this.#child.once('exit', (code, signal) => this.#ended(signal ?? `exit code ${code ?? 0}`, onEnd));
    this.#watch = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  /** Memory of its processes at the last look, bytes. */
  get memoryBytes(): number {
    return this.#bytes;
  }

  /** Sends a message and waits for its answer. Errors: PYTHON_TIME, PYTHON_ENDED, PYTHON_FRAME, PYTHON_LIMIT. */
  ask(message: object, tensors: readonly Tensor[], limitMs: number): Promise<Frame> {
    const { of } = this.#program;
    this.#last += 1;
    const id = this.#last;
    const answer = new Promise<Frame>((resolve, reject) => {
      const late = () => this.kill(fail('PYTHON_TIME', { ...of, limitMs }));
      this.#waiting.set(id, { resolve, reject, timer: setTimeout(late, limitMs) });
    });
    this.#socket.cork();
    for (const part of encodeFrame({ ...message, id }, tensors)) this.#socket.write(part);
    this.#socket.uncork();
    return answer;
  }

  /** Kills it and its descendants; waiting calls fail with the error. */
  kill(error: HeadraceError): void {
    this.#cause ??= error;
    this.#settle(this.#cause);
    const { pid } = this.#child;
    if (pid !== undefined && this.#isAlive) void killTree(pid);
  }

  /** Resolves when it has ended and nothing of it is left. */
  get gone(): Promise<void> {
    return this.#gone.promise;
  }

  /** Looks at its processes and memory now. */
  async measure(): Promise<number> {
    await this.#look();
    return this.#bytes;
  }

  get #isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  #read(chunk: Uint8Array): void {
    if (this.#cause !== null) return;
    try {
      for (const frame of this.#frames.push(chunk)) this.#answered(frame);
    } catch (error) {
      this.#broken(reasonOf(error));
    }
  }

  #answered(frame: Frame): void {
    const { id } = frame.message;
    const waiting = typeof id === 'number' ? this.#waiting.get(id) : undefined;
    if (waiting === undefined) throw new RangeError('an answer that nobody waits for');
    clearTimeout(waiting.timer);
    this.#waiting.delete(Number(id));
    waiting.resolve(frame);
  }

  /** Kills a worker whose frames cannot be right. */
  #broken(reason: string): void {
    this.kill(fail('PYTHON_FRAME', { ...this.#program.of, reason }));
  }

  async #look(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined || !this.#isAlive || this.#cause !== null) return;
    const { pids, bytes } = await processTree(pid);
    if (!this.#isAlive) return;
    this.#bytes = bytes;
    const { memoryBytes, processes } = this.#program.limits;
    const over = (what: string, used: number, allowed: number) =>
      this.kill(fail('PYTHON_LIMIT', { ...this.#program.of, what, used, allowed }));
    if (bytes > memoryBytes) over('bytes of memory', bytes, memoryBytes);
    else if (pids.length - BESIDES > processes) over('processes', pids.length - BESIDES, processes);
  }

  #ended(how: string, onEnd: (error: HeadraceError) => void): void {
    clearInterval(this.#watch);
    this.#socket.destroy();
    const tail = this.#printed.trim().split('\n').slice(-2).join(' / ').trim();
    const reason = tail === '' ? how : `${how}: ${tail}`;
    this.#cause ??= fail('PYTHON_ENDED', { ...this.#program.of, reason });
    this.#settle(this.#cause);
    killGroup(this.#child);
    void killMarked(this.#mark).finally(() => this.#gone.resolve());
    onEnd(this.#cause);
  }

  #settle(error: HeadraceError): void {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(error);
    }
  }
}
