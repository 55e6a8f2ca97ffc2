import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { RankState } from '../../ports/training-backend.ts';
import { killGroup, startProgram } from '../../process/start-child.ts';

/** Bytes of output that a rank may write; the rest is dropped, and the log says so. */
const MOST_LOG_BYTES = 64 * 1024 * 1024;

/** Bytes of output that are kept in memory for the tail. */
const TAIL_BYTES = 64 * 1024;

/** From the end of a rank to the end of its output, ms. A process that left its group may hold the output for ever. */
const LAST_OUTPUT_MS = 2_000;

/** Linux takes one priority of a session in 100 ms, from all users without privileges together. */
const SESSION_PRIORITY =
  'if [ -n "$HEADRACE_SESSION_NICE" ] && [ -w /proc/self/autogroup ]; then for wait in 0 0.1 0.2 0.3; do sleep $wait; (echo "$HEADRACE_SESSION_NICE" >/proc/self/autogroup) 2>/dev/null && break; done; fi; ';

/** Bounds the memory of the rank. */
const MEMORY = `if [ -n "$HEADRACE_MEMORY_KB" ]; then ulimit -d "$HEADRACE_MEMORY_KB" || exit 125; fi; `;

export interface RankOptions {
  readonly command: readonly [string, ...string[]];
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly log: string;
  /** Takes every line that it prints. */
  readonly onLine?: ((line: string) => void) | undefined;
}

/** Characters after which a line without an end counts as one. */
const LONGEST_LINE = 10_000;

/** One rank, in a process group of its own. */
export class RankProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  #state: RankState = { state: 'running' };
  #tail = '';
  #written = 0;

  private constructor(child: ChildProcess, log: string, onLine: (line: string) => void = () => undefined) {
    this.#child = child;
    const file = openSync(log, 'a', 0o600);
    const output = [child.stdout, child.stderr].map((stream) => this.#keep(stream, file, onLine));
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        this.#state = { state: 'ended', code, signal };
        // Ends what the rank left of its group, the guard too.
        this.kill('SIGKILL');
        Promise.race([Promise.all(output), pause(LAST_OUTPUT_MS, undefined, { ref: false })]).then(() => {
          for (const stream of [child.stdout, child.stderr]) stream?.destroy();
          closeSync(file);
          resolve();
        });
      });
    });
  }

  /** Starts a rank; throws the error of the system when its program cannot start. */
  static async start({ command, directory, environment, log, onLine }: RankOptions): Promise<RankProcess> {
    const child = startProgram(command, {
      cwd: directory,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      group: true,
      before: SESSION_PRIORITY + MEMORY,
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    return new RankProcess(child, log, onLine);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get state(): RankState {
    return this.#state;
  }

  /** Resolves when the rank and its output have ended. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  tail(lines: number): readonly string[] {
    return this.#tail
      .split('\n')
      .filter((line) => line !== '')
      .slice(-lines);
  }

  kill(signal: NodeJS.Signals): void {
    killGroup(this.#child, signal);
  }

  #keep(stream: Readable | null, file: number, onLine: (line: string) => void): Promise<void> {
    if (stream === null) return Promise.resolve();
    const lines = lineSplitter(onLine);
    stream.on('data', (bytes: Buffer) => {
      lines.take(bytes.toString('utf8'));
      this.#tail = (this.#tail + bytes.toString('utf8')).slice(-TAIL_BYTES);
      if (this.#written >= MOST_LOG_BYTES) return;
      const part = bytes.subarray(0, MOST_LOG_BYTES - this.#written);
      this.#written += part.length;
      write(file, part);
      if (this.#written >= MOST_LOG_BYTES) write(file, Buffer.from('\n[the log is full: later output is dropped]\n'));
    });
    return new Promise((resolve) => {
      stream.once('close', () => {
        lines.end();
        resolve();
      });
    });
  }
}

/** A full disk must not end the run: the tail still has the newest lines. */
function write(file: number, bytes: Buffer): void {
  try {
    writeSync(file, bytes);
  } catch {
    // The log lacks these lines.
  }
}

function lineSplitter(onLine: (line: string) => void) {
  let rest = '';
  const end = () => {
    if (rest !== '') onLine(rest);
    rest = '';
  };
  return {
    take(text: string): void {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
      if (rest.length >= LONGEST_LINE) end();
    },
    end,
  };
}
