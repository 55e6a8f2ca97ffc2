import { defineConfig } from 'vitest/config';

/** The suites that need running services: `npm run test:services`. */
export default defineConfig({
  ssr: { resolve: { conditions: ['headrace-source', 'node', 'development|production'] } },
  test: {
    include: ['test/services/**/*.test.ts'],
    reporters: ['default', './test/closing-line.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // The suites stop servers and measure: one after the other.
    fileParallelism: false,
  },
});
