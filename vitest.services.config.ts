import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The page of checksums is written from what the other suites found: its suite comes last. */
class PageLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const [page, others] = [true, false].map((isPage) =>
      files.filter(({ moduleId }) => moduleId.endsWith('/engine-parity.test.ts') === isPage),
    );
    return [...(await super.sort(others)), ...page];
  }
}

/** The suites that need running services: `npm run test:services`. */
export default defineConfig({
  ssr: { resolve: { conditions: ['headrace-source', 'node', 'development|production'] } },
  test: {
    include: ['test/services/**/*.test.ts'],
    globalSetup: 'test/services/run-folder.ts',
    reporters: ['default', './test/closing-line.ts'],
    // They wait for servers, on a machine of any speed: no test is ended that may still pass.
    testTimeout: 1_800_000,
    hookTimeout: 300_000,
    // The suites stop servers and measure: one after the other.
    fileParallelism: false,
    sequence: { sequencer: PageLast },
  },
});
