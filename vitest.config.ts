import { globSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { compileCache } from './scripts/compile-cache.ts';
import { isDeep } from './test/runs.ts';

Object.assign(process.env, compileCache);

/** Folders whose files share workers, and what those have loaded: 24 of them took 70 CPU s in place of 99. */
const sharing =
  /^test\/(?:alerts|base|change|cli|console|cookbook|cost|define|drift|featurestore|files|flink|gpu|inference|kafka|model|models|monitoring|observe|offline|operating|playbook|queues|registry|rollouts|schema|served|server|serving|site|sql|stats|stores|tiles|training|versions)\//;

/** Text of a file that changes the process, or counts what the process or its memory has: it runs in a separate one. */
const ownProcess =
  /process\.env(?:\.\w+|\[[^\]]+\])\s*=[^=]|process\.(?:exitCode|on\(|once\()|\/proc\/\$\{process\.pid|queryObjects|vi\.(?:useFakeTimers|spyOn|stub)/;

const tests = globSync('test/**/*.test.ts', { exclude: ['test/services/**', 'test/ground/seeded/**'] });
const shared = tests.filter((path) => sharing.test(path) && !ownProcess.test(readFileSync(path, 'utf8')));

export default defineConfig({
  test: {
    // Node runs the sources as they are, with what it has compiled before: nothing is transformed.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // `headrace` is the source, not the build.
    execArgv: ['--conditions=headrace-source'],
    globalSetup: ['test/memory-folder.ts', 'test/built-console.ts'],
    setupFiles: ['test/once-per-process.ts', 'test/seed.ts', 'test/cpu-seconds.ts'],
    reporters: ['default', './test/closing-line.ts'],
    // Ends what hangs, on a machine of any speed.
    testTimeout: isDeep ? 3_600_000 : 120_000,
    hookTimeout: 120_000,
    // Tests that run programs take seconds.
    slowTestThreshold: 15_000,
    // Most files wait for processes and disks: the default, one worker on two cores, leaves a core idle.
    maxWorkers: '100%',
    projects: [
      { extends: true, test: { name: 'shared', include: shared, isolate: false } },
      {
        extends: true,
        test: {
          name: 'own',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**', 'test/ground/seeded/**', ...shared],
        },
      },
    ],
  },
});
