import { defineConfig } from 'vitest/config';

/** Folders whose tests change neither the process nor its environment: their files share workers, and what those loaded. */
const shared = ['base', 'change', 'define', 'flink', 'kafka', 'monitoring', 'schema', 'sql', 'stats', 'tiles'].map(
  (folder) => `test/${folder}/**/*.test.ts`,
);

export default defineConfig({
  // As `node --conditions=headrace-source`: `headrace` is the source, not the build.
  ssr: { resolve: { conditions: ['headrace-source', 'node', 'development|production'] } },
  test: {
    setupFiles: ['test/seed.ts'],
    reporters: ['default', './test/closing-line.ts'],
    // Ends what hangs, on a machine of any speed.
    testTimeout: 120_000,
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
