import { defineConfig } from 'vitest/config';

export default defineConfig({
  // As `node --conditions=headrace-source`: `headrace` is the source, not the build.
  ssr: { resolve: { conditions: ['headrace-source', 'node', 'development|production'] } },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/services/**'],
    reporters: ['default', './test/closing-line.ts'],
    testTimeout: 30_000,
    // Most files wait for processes and disks: the default, one worker on two cores, leaves a core idle.
    maxWorkers: '100%',
  },
});
