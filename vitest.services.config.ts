import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { compileCache } from './scripts/compile-cache.ts';

Object.assign(process.env, compileCache);

/** The page of checksums is written from the results of the other suites: its suite comes last. */
class PageLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const [page, others] = [true, false].map((isPage) =>
      files.filter(({ moduleId }) => moduleId.endsWith('/engine-parity.test.ts') === isPage),
    );
    return [...(await super.sort(others)), ...page];
  }
}

/** The suites that need running services: `npm run test:services`, and with the deep tests `npm run test:deep`. */
export default defineConfig({
  test: {
    // As in vitest.config.ts.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    execArgv: ['--conditions=headrace-source'],
    include: ['test/services/**/*.test.ts'],
    globalSetup: 'test/services/run-folder.ts',
    setupFiles: ['test/seed.ts'],
    reporters: ['default', './test/closing-line.ts'],
    // A tag that is not listed here is an error.
    tags: [{ name: 'deep', description: 'left out by the gate, run by npm run test:deep' }],
    // They wait for servers, on a machine of any speed: no test is ended that may still pass. The whole run has a deadline.
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    // They start processes and wait for them: no test is slow that takes minutes.
    slowTestThreshold: 120_000,
    // The suites stop servers and measure: one after the other.
    fileParallelism: false,
    sequence: { sequencer: PageLast },
  },
});
