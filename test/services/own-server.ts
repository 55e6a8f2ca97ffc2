import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { redisBinary } from '../../scripts/services/binaries.ts';
import { type Server, startServer, stopServer } from '../../scripts/services/server.ts';
import { freePorts } from '../../scripts/services/service.ts';

/** A Redis of one test, which may be killed and started again. */
export class OwnServer {
  readonly port: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'redis-'));
  readonly #settings: Readonly<Record<string, string>>;
  #server: Server | null = null;

  private constructor(port: number, settings: Readonly<Record<string, string>>) {
    this.port = port;
    this.#settings = settings;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<OwnServer> {
    const [port] = await freePorts(1);
    const own = new OwnServer(port, settings);
    await own.start();
    return own;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#server?.pid ?? 0;
  }

  async start(): Promise<void> {
    const binary = await redisBinary();
    this.#server = await startServer({ binary, directory: this.#directory, port: this.port, settings: this.#settings });
  }

  async kill(): Promise<void> {
    if (this.#server !== null) await stopServer(this.#server, 'SIGKILL');
    this.#server = null;
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
