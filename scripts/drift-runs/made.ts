import { lossOf } from './loss-of.ts';
import { check, type DriftRun, day, openedOf, promotedOf } from './run.ts';

/** Rows are ten minutes apart; the change is after this one. */
const ROW_MS = 600_000;
const [ROWS, CHANGE] = [20_000, 10_000];

interface Made {
  readonly name: string;
  /** Log odds of the label, before the change and after it, of x, y and z between −1 and 1; `i` is the row. */
  readonly before: string;
  readonly after: string;
}

/** Concept changes of data that no limit was chosen on: features stay, and scores of a good version must move far. */
const MADE: readonly Made[] = [
  { name: 'turned', before: '3 * x + y', after: '-3 * x + y' },
  { name: 'another_feature', before: '4 * x', after: '4 * z' },
  { name: 'base_rate', before: '-2.5 + 2 * x + y', after: '0.5 + 2 * x + y' },
  {
    name: 'over_a_month',
    before: '3 * x + y',
    after: `CASE WHEN {chance 5} < (i - ${CHANGE}) / 4320.0 THEN -3 * x + y ELSE 3 * x + y END`,
  },
];

/** A number from 0 to 1 that follows from the row alone. */
function chance(of: number): string {
  return `(hash(i * 7919 + ${of}) % 1000003) / 1000003.0`;
}

function rowsOf({ before, after }: Made): string {
  const odds = (text: string) => text.replace(/\{chance (\d)\}/g, (_, n: string) => chance(Number(n)));
  const feature = (name: string, n: number) => `2 * ${chance(n)} - 1 AS ${name}`;
  return `SELECT x, y, z, CAST(${chance(4)} < 1 / (1 + exp(-odds)) AS INTEGER) AS label FROM (
      SELECT *, CASE WHEN i < ${CHANGE} THEN ${odds(before)} ELSE ${odds(after)} END AS odds FROM (
        SELECT i, ${feature('x', 1)}, ${feature('y', 2)}, ${feature('z', 3)} FROM range(${ROWS}) AS rows(i)))
    ORDER BY i`;
}

/** Each is replayed with the guide's defaults, the guardrails of moved scores among them, and once more without a playbook that acts. */
export const madeRuns: readonly DriftRun[] = MADE.map((made) => ({
  name: `made_${made.name}`,
  files: [],
  prepare: rowsOf(made),
  args: ['--label', 'label'],
  without: ['--dry-run'],
  checks: (replay, folder) => {
    const { log } = replay;
    const pages = openedOf(replay, 'conceptDrift').map(({ at }) => at);
    const early = pages.filter((at) => at < CHANGE * ROW_MS);
    const ended = log.filter(({ by, action }) => by === 'rollout' && /rolledBack/.test(action));
    const gates = log.filter(({ action }) => action.startsWith('roll out version'));
    const [mine, none] = [lossOf(folder), lossOf(`${folder}-without`)];
    return [
      check('no page without a change', early.length === 0, early.length),
      check('a page after the change', pages.length > early.length, pages.map(day).join(' ') || 'none'),
      check(
        'a new version is promoted, past the guardrails of scores',
        promotedOf(replay) >= 1,
        `${promotedOf(replay)} promoted`,
      ),
      check(
        'none is rolled back',
        ended.length === 0,
        ended.map(({ action, evidence }) => `${action}: ${evidence}`).join('; ') || 0,
      ),
      check('the gates, shown', true, gates.map(({ evidence }) => evidence).join('; ') || 'none'),
      check(
        'the loss with the playbook is below that without it',
        mine.loss < none.loss,
        `${mine.loss.toFixed(4)} and ${none.loss.toFixed(4)} on ${mine.rows} labelled rows`,
      ),
    ];
  },
}));
