import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GangSpec } from '../../src/ports/training-backend.ts';
import { shellLine } from '../../src/training/export/export-job.ts';
import { yamlText } from '../../src/training/export/yaml-text.ts';

/** What the scripted `sky` does from now on. */
export interface SkyPlan {
  /** Spot jobs wait for instances. */
  readonly waits?: boolean;
  /** Every job that is launched is in this state. */
  readonly status?: string;
}

/** The task of a gang without a controller inside. */
export function skyTask({ id, command, ranks, placement }: GangSpec): string {
  return yamlText({
    name: id,
    ...(placement === undefined ? {} : { resources: { use_spot: placement === 'spot' } }),
    envs: ranks[0] ?? {},
    run: shellLine(command),
  });
}

/** A scripted `sky` in a folder: its command, and hands on its jobs. */
export function skyCommand(folder: string) {
  const state = join(folder, 'sky');
  mkdirSync(state, { recursive: true });
  const program = join(folder, 'bin', 'sky');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  const script = fileURLToPath(new URL('programs/sky.ts', import.meta.url));
  writeFileSync(
    program,
    `#!/bin/sh\nexport SKYPILOT_SCRIPT_FOLDER='${state}'\nexec '${process.execPath}' '${script}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  const jobs = () => readdirSync(state).flatMap((name) => /^job-(\d+)\.json$/.exec(name)?.[1] ?? []);
  const path = (id: number) => join(state, `job-${id}.json`);
  const plan = (next: SkyPlan) => writeFileSync(join(state, 'plan.json'), JSON.stringify(next));
  const read = (id: number) => JSON.parse(readFileSync(path(id), 'utf8'));
  plan({});
  return {
    program,
    plan,
    /** Numbers of the jobs that were launched. */
    launched: () => jobs().map(Number),
    job: read,
    change: (id: number, change: object) => writeFileSync(path(id), JSON.stringify({ ...read(id), ...change })),
    /** Its instances go, and SkyPilot does not see it. */
    takeInstances(id: number): void {
      const { pid } = read(id);
      if (pid === 0) return;
      try {
        process.kill(-pid, 'SIGKILL');
      } catch {
        // They have ended.
      }
    },
    /** Its machine is shut down: every process gets SIGTERM. */
    shutDown: (id: number) => process.kill(-read(id).pid, 'SIGTERM'),
    /** The queue forgets a job. */
    forget: (id: number) => rmSync(path(id)),
    /** `down`: no command works; `text`: the queue is no JSON; `late`: a launch does not answer; empty: none. */
    fault: (name: 'down' | 'text' | 'late' | '') => writeFileSync(join(state, 'fault'), name),
    close(): void {
      for (const id of jobs()) this.takeInstances(Number(id));
    },
  };
}
