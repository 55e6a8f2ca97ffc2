import { globSync, readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import { compileCache } from './scripts/compile-cache.ts';

Object.assign(process.env, compileCache);

/** Text of a file that changes the process, or counts what the process has: it runs in one of its own. */
const ownProcess =
  /process\.env(?:\.\w+|\[[^\]]+\])\s*=[^=]|Object\.assign\(process\.env|process\.(?:exitCode|on\(|once\()|\/proc\/\$\{process\.pid|vi\.(?:useFakeTimers|spyOn|stub)|turn-clock|setFlagsFromString|memory-use/;

const tests = globSync('test/**/*.test.ts', { exclude: ['test/services/**', 'test/ground/seeded/**'] });
const own = tests.filter((path) => path.startsWith('test/process/') || ownProcess.test(readFileSync(path, 'utf8')));

export default defineConfig({
  test: {
    // Node runs the sources as they are, with what it has compiled before: nothing is transformed.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    // `headrace` is the source, not the build.
    execArgv: ['--conditions=headrace-source'],
    globalSetup: 'test/memory-folder.ts',
    setupFiles: ['test/seed.ts', 'test/cpu-seconds.ts'],
    reporters: ['default', './test/closing-line.ts'],
    // Ends what hangs, on a machine of any speed.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Tests that run programs take seconds.
    slowTestThreshold: 15_000,
    // Most files wait for processes and disks: the default, one worker on two cores, leaves a core idle.
    maxWorkers: '100%',
    projects: [
      // These files share workers, and what those have loaded.
      {
        extends: true,
        test: {
          name: 'shared',
          include: ['test/**/*.test.ts'],
          exclude: ['test/services/**', 'test/ground/seeded/**', ...own],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'own', include: own } },
    ],
  },
});
