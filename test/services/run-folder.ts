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

let folder = '';

/** Each run has a folder of its own: no suite takes what an earlier run found. */
export function setup(project: TestProject): void {
  folder = mkdtempSync(join(tmpdir(), 'services-'));
  project.provide('runFolder', folder);
}

export function teardown(): void {
  rmSync(folder, { recursive: true });
}
