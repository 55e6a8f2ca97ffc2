import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/run-command.ts';
import { freePorts } from '../../scripts/services/service.ts';

/** Kept of the output, characters: what a demo said last. */
const KEPT = 2_000;

/** `npm start`, in its own folder. */
export class FlightsDemo {
  readonly url: string;
  readonly #place: string;
  readonly #process: ChildProcess;
  #said = '';

  private constructor(place: string, port: number) {
    this.#place = place;
    this.url = `http://127.0.0.1:${port}`;
    const program = ['--conditions=headrace-source', `${root}/examples/flights/main.ts`, '--port', `${port}`];
    this.#process = spawn(process.execPath, program, { cwd: place, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (text) => {
        this.#said = `${this.#said}${text}`.slice(-KEPT);
      });
  }

  static async start(): Promise<FlightsDemo> {
    const [port] = await freePorts(1);
    return new FlightsDemo(mkdtempSync(join(tmpdir(), 'headrace-flights-')), port);
  }

  /** Waits until it has replayed its flights and answers. */
  async answers(): Promise<void> {
    for (;;) {
      const { exitCode, signalCode } = this.#process;
      if (exitCode !== null || signalCode !== null) throw new Error(`the demo ended with ${exitCode}: ${this.#said}`);
      const isReady = await fetch(`${this.url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isReady) return;
      await sleep(500);
    }
  }

  /** Ends it at once, as a machine does that fails. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  end(): void {
    this.kill();
    rmSync(this.#place, { recursive: true, force: true });
  }
}
