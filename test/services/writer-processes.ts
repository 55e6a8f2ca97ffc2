import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EnvironmentOptions } from '../../src/environment/config.ts';
import { startCli } from '../cli/run-cli.ts';

/** Processes of `headrace tiles write` in the directory of an environment of `changedProject`. */
export class WriterProcesses {
  readonly #directory: string;
  readonly #running: ChildProcess[] = [];

  constructor(environment: EnvironmentOptions) {
    this.#directory = environment.directory ?? '';
    const [index, declared] = ['../../src/index.ts', './tile-project.ts'].map(
      (path) => new URL(path, import.meta.url).pathname,
    );
    writeFileSync(
      join(this.#directory, 'headrace.config.ts'),
      `import { defineConfig } from ${JSON.stringify(index)};
import { changedProject } from ${JSON.stringify(declared)};
export default defineConfig({ project: changedProject, environments: { local: ${JSON.stringify(environment)} } });`,
    );
  }

  /** Ends all that run. */
  kill(): void {
    for (const child of this.#running) child.kill('SIGKILL');
  }

  /** Starts one; gives it when it has its first partitions. */
  async start(): Promise<ChildProcess> {
    const child = startCli(this.#directory, ['tiles', 'write', '--json']);
    this.#running.push(child);
    let said = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      said += bytes.toString();
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (bytes: Buffer) => {
        if (/"partitions":\[\d/.test(String(bytes))) resolve();
      });
      child.once('close', () => reject(new Error(said)));
    });
    return child;
  }
}
