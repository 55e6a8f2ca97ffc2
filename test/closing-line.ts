import { writeFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSpecification, Vitest } from 'vitest/node';
import { type CpuBudgets, cpuBudgets, overBudget, spentOf, sumOf } from './cpu-budgets.ts';
import { isDeep } from './runs.ts';

/** The end of a run, ms since 1970, which the runner of the suites sets. */
const DEADLINE = 'HEADRACE_DEADLINE';

/** A file for the counts of a run, which the runner of the suites sets: it prints the line itself, over all of its runs. */
const COUNTS = 'HEADRACE_COUNTS';

/** A file for what each test file spent, CPU seconds: for those who make the tests cheaper. */
const SPENT = 'HEADRACE_SPENT';

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Everything goes to standard output, in order: two streams can lose a fault between them when a run ends.
 * Ends a run with the one line that people and CI read: `N passed, N failed, N skipped`. A run that reaches its deadline ends
 * then: every test that has no result, and every file that was not begun, counts as failed and is named.
 */
export default class ClosingLine implements Reporter {
  #isChosen: (test: TestCase) => boolean = () => true;
  #files: readonly string[] = [];
  readonly #modules = new Map<string, TestModule>();
  readonly #budgets: CpuBudgets;

  constructor(budgets: Partial<CpuBudgets> = {}) {
    this.#budgets = { ...cpuBudgets, ...budgets };
  }

  onInit({ config }: Vitest): void {
    // Tests that the filter of the run leaves out are not part of it, so they are not skipped either.
    const isGate = config.tagsFilter?.includes('!deep') ?? false;
    this.#isChosen = ({ tags }) => !(isGate && tags.includes('deep'));
    const deadline = process.env[DEADLINE];
    if (deadline !== undefined) setTimeout(() => this.#endLate(), Number(deadline) - Date.now()).unref();
  }

  onTestRunStart(specifications: readonly TestSpecification[]): void {
    this.#files = specifications.map(({ moduleId }) => moduleId);
  }

  onTestModuleCollected(module: TestModule): void {
    this.#modules.set(module.moduleId, module);
  }

  /** A run that may be ended by its deadline says at once why a test failed: its summary may never come. */
  onTestCaseResult(test: TestCase): void {
    const { state, errors } = test.result();
    if (state !== 'failed' || process.env[DEADLINE] === undefined) return;
    for (const error of errors) console.log(`failed: ${test.fullName}\n${error.stack ?? error.message}`);
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const { passed, failed, skipped } = this.#count(modules);
    this.#close({ passed, failed: failed + unhandled.length + this.#judgeCpu(modules), skipped });
  }

  /** Prints what the files spent; the number of those over their budgets, which fails the run. */
  #judgeCpu(modules: readonly TestModule[]): number {
    const spent = spentOf(modules);
    if (spent.length === 0) return 0;
    const { user, system } = process.cpuUsage();
    console.log(`\n${sumOf(spent, (user + system) / 1e6).join('\n')}`);
    const file = process.env[SPENT];
    if (file !== undefined) writeFileSync(file, JSON.stringify(spent, null, 1));
    const over = isDeep ? [] : overBudget(spent, this.#budgets);
    for (const line of over) console.log(line);
    if (over.length > 0) process.exitCode = 1;
    return over.length;
  }

  #endLate(): void {
    const modules = [...this.#modules.values()];
    const notBegun = this.#files.filter((file) => !this.#modules.has(file));
    for (const module of modules)
      for (const test of module.children.allTests('pending'))
        if (this.#isChosen(test))
          console.log(`not run before the deadline: ${module.relativeModuleId} ${test.fullName}`);
    for (const file of notBegun) console.log(`not run before the deadline: ${file}`);
    const { passed, failed, skipped } = this.#count(modules);
    this.#close({ passed, failed: failed + notBegun.length, skipped });
    process.exit(1);
  }

  #count(modules: readonly TestModule[]): Counts {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests += 1;
        if (this.#isChosen(test)) counts[test.result().state] += 1;
      }
      if (module.errors().length > 0 || (tests === 0 && module.state() === 'failed')) counts.failed += 1;
    }
    return { passed: counts.passed, failed: counts.failed + counts.pending, skipped: counts.skipped };
  }

  #close(counts: Counts): void {
    const file = process.env[COUNTS];
    if (file !== undefined) writeFileSync(file, JSON.stringify(counts));
    else
      process.on('exit', () => {
        console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
      });
  }
}
