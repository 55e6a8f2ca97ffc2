import { readFileSync, writeFileSync } from 'node:fs';
import { compareRules, comparisonTable } from './compare.ts';
import { errorsStopping, meansStopping, type Stopping } from './stopping.ts';

/**
 * Simulates rollouts and writes the tables of docs/internals/rollouts.md: `node --conditions=headrace-source
 * scripts/rollouts/main.ts`. HEADRACE_RUNS sets the runs of each row (200). The seeds are fixed: the same runs give the same page.
 */
const PAGE = new URL('../../docs/internals/rollouts.md', import.meta.url);
const BEGIN = '<!-- written by scripts/rollouts/main.ts -->';
const SEED = 20_261_127;

const runs = Number(process.env['HEADRACE_RUNS'] ?? 200);

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

function stoppingRow(name: string, { stopped, median }: Stopping, unit: string): string {
  return `| ${name} | ${percent(stopped)} | ${median === null ? '-' : `${median} ${unit}`} |`;
}

function stoppingTables(): string {
  const means = [0, 0.1, 0.2].map((shift) => [shift, meansStopping(shift, 3 * runs, SEED)] as const);
  const errors = (
    [
      [0.01, 0.01],
      [0.01, 0.03],
      [0.01, 0.1],
    ] as const
  ).map(
    ([a, b]) => [`errors ${percent(a)} against ${percent(b)}, e-value`, errorsStopping(a, b, 3 * runs, SEED)] as const,
  );
  return [
    '| test | stopped | median until the stop |',
    '|---|---|---|',
    ...means.flatMap(([shift, { mixture, tTest }]) => [
      stoppingRow(`mean + ${shift} sd, mixture test`, mixture, 'canary rows'),
      ...(shift === 0 ? [stoppingRow('mean + 0 sd, t-test at each look', tTest, 'canary rows')] : []),
    ]),
    ...errors.map(([name, stopping]) => stoppingRow(name, stopping, 'requests')),
  ].join('\n');
}

const text = `${BEGIN}

### One test alone

${3 * runs} runs of each row: 40,000 requests, 5 % of them on the canary, 100 looks; the e-value looks at each error.

${stoppingTables()}

### Whole rules on the same streams

${runs} runs of each version, 100 minutes, a look a minute. A cell has the share of runs that were rolled back, and the median number of canary
requests until then. For the versions in italics, which are as good as their champion, each rollback is a false one. The last three have 4,000 callers that
come again: the second sends half as many requests as the first, the third a third. 30 % of the variance of scores and losses is between callers.

With 40 requests of each cohort a minute:

${comparisonTable(compareRules(40, runs))}

With 400 requests of each cohort a minute:

${comparisonTable(compareRules(400, Math.ceil(runs / 4)))}

The rules and limits are those of the guides:

- Flagger: a success rate of 99 % and a p99 of 500 ms in each minute; the fifth failed check rolls back.
- Argo Rollouts: a success rate of 95 % in each five minutes; more than three failures roll back.
- Kayenta: a point a minute of four critical metrics, judged after 50 minutes and then every ten. Its user brings mean score and
  mean loss.

Flagger and Argo Rollouts look at the canary alone, so their limits need a known champion. A champion with 1 % errors is already at
Flagger's limit.
`;

const page = readFileSync(PAGE, 'utf8');
writeFileSync(PAGE, `${page.split(BEGIN)[0].trimEnd()}\n\n${text}`);
console.log(text);
