import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with the one line that people and CI read: `N passed, N failed, N skipped`. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        counts[test.result().state] += 1;
        tests += 1;
      }
      if (module.errors().length > 0 || (tests === 0 && module.state() === 'failed')) counts.failed += 1;
    }
    process.on('exit', () => {
      console.log(`${counts.passed} passed, ${counts.failed + counts.pending} failed, ${counts.skipped} skipped`);
    });
  }
}
