import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** What the suites of one run leave for each other. */
    runFolder: string;
  }
}

let made: string | null = null;

/** The folder of the runner, which runs suites several times, or one of this run alone: no suite reads older results. */
export function setup(project: TestProject): void {
  const given = process.env['HEADRACE_RUN_FOLDER'];
  made = given === undefined ? mkdtempSync(join(tmpdir(), 'services-')) : null;
  project.provide('runFolder', given ?? made ?? '');
}

export function teardown(): void {
  if (made !== null) rmSync(made, { recursive: true });
}
