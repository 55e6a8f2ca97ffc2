import { readdir, readFile } from 'node:fs/promises';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';

/** Every test has two minutes; a shorter limit fails on a slow machine. */
const LEAST_LIMIT_MS = 120_000;

interface TimingRule {
  readonly name: string;
  /** Whether a line of a test breaks the rule. */
  readonly isBroken: (line: string) => boolean;
}

const rules: readonly TimingRule[] = [
  {
    name: 'fixed-pause: wait for a condition (test/until.ts) or move a fake clock',
    isBroken: (line) => /\bsetTimeout\(|import \{[^}]*\bsetTimeout\b.*'node:timers\/promises'/.test(line),
  },
  {
    name: 'measured-time: count turns or operations, or move a fake clock; figures belong in bench',
    isBroken: (line) => /\bperformance\.now\(|\bhrtime\b|\bcpuUsage\(/.test(line),
  },
  {
    name: 'asserted-duration: count turns or operations, or move a fake clock; figures belong in bench',
    isBroken: (line) =>
      /\bexpect\(.*(?:Date\.now\(\) -|- Date\.now\(\))/.test(line) ||
      /\bexpect\((?:[\w.]*(?:elapsed|took|duration|seconds)\w*|longestMs)\)\.(?:not\.)?toBe(?:Less|Greater)/i.test(
        line,
      ),
  },
  {
    name: 'short-wait: expect.poll and vi.waitFor give up after a second; use until of test/until.ts',
    isBroken: (line) => /\bexpect\.poll\(|\bvi\.wait(?:For|Until)\(/.test(line),
  },
  {
    name: `short-limit: leave the limit of a test out, or give it ${LEAST_LIMIT_MS} ms at least`,
    // A number below 1,000 after a bracket is not a limit: an interval, an argument.
    isBroken: (line) => {
      const limit = /\btimeout: ([\d_]+)\b|^\s*\}, (\d+_\d+|\d{4,})\);$/.exec(line);
      return limit !== null && Number((limit[1] ?? limit[2]).replaceAll('_', '')) < LEAST_LIMIT_MS;
    },
  },
];

/** Files and folders that may use time, and why. */
const allowed: Readonly<Record<string, string>> = {
  'test/until.ts': 'the one place that waits',
  'test/closing-line.ts': 'it ends a run at its deadline',
  'test/cpu-seconds.ts': 'it measures the processor time of each file',
  'test/rollouts/computed-ms.ts': 'it is the clock of a test: what a busy machine adds does not count',
  'test/server/hostile-server.ts':
    'it counts the processor time that an input costs, which a busy machine does not add to',
  'test/memory/': 'its stores wait as a port says: until something is written, or a time is over',
  'test/new-user/': 'it prints how long each step of a new user takes',
  'test/services/': 'the suites against servers cut their connections and wait for them',
  'test/ground/package.test.ts': 'it builds and installs the package',
};

const allows = (path: string) => Object.keys(allowed).find((start) => path.startsWith(start));

/**
 * No test pauses for a fixed time, asserts a duration or gives up early: a slow machine must not fail it. The check reads lines
 * by patterns. It cannot see a pause by another name (a helper in src, a `sleep` of a child process, a time limit of the
 * product), a duration that was kept under an ordinary name, or a call that is split over lines.
 */
export const timing: Check = {
  name: 'timing',
  async run() {
    const found = await broken(root);
    const used = new Set(found.map(({ path }) => allows(path)));
    const problems = found
      .filter(({ path }) => allows(path) === undefined)
      .map(({ path, line, rule }) => `${path}:${line}: ${rule}`);
    for (const path of Object.keys(allowed))
      if (!used.has(path)) problems.push(`${path} breaks no rule: take it out of scripts/check/timing.ts`);
    const seeded = new Set((await broken(`${root}/test/ground/seeded/timing`)).map(({ rule }) => rule));
    const missed = rules.filter(({ name }) => !seeded.has(name));
    problems.push(...missed.map(({ name }) => `its violation in test/ground/seeded/timing is not caught: ${name}`));
    return { seen: `${rules.length - missed.length} seeded violations caught`, problems };
  },
};

interface Broken {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
}

/** Lines of the tests below a folder that break a rule; comments are left out. */
async function broken(folder: string): Promise<readonly Broken[]> {
  const names = await readdir(`${folder}/test`, { recursive: true });
  const paths = names.filter((name) => name.endsWith('.ts') && !name.startsWith('ground/seeded/')).sort();
  const found = await Promise.all(
    paths.map(async (name) => {
      const lines = (await readFile(`${folder}/test/${name}`, 'utf8')).split('\n');
      return lines.flatMap((text, index) =>
        /^\s*(?:\/\/|\*|\/\*)/.test(text)
          ? []
          : rules
              .filter(({ isBroken }) => isBroken(text))
              .map(({ name: rule }) => ({ path: `test/${name}`, line: index + 1, rule })),
      );
    }),
  );
  return found.flat();
}
