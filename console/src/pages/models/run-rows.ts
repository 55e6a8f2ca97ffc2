import type { Order } from '../../look/long-table.tsx';
import type { Run } from './runs.tsx';

/** Columns of metrics and of params at most. */
const MOST = 8;

/** Names of metrics and params that some of the runs have, the most frequent first. */
export function valueNames(runs: readonly Run[]): {
  readonly metrics: readonly string[];
  readonly params: readonly string[];
} {
  return { metrics: frequent(runs.map((run) => run.metrics)), params: frequent(runs.map((run) => run.params)) };
}

function frequent(all: readonly object[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const one of all) for (const name in one) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .toSorted(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, MOST)
    .map(([name]) => name);
}

const COMPARED = /^([^<>=]+)(<=|>=|=|<|>)(.+)$/;

/** Runs that match every word: `name` and `param=text` by their texts, `metric>0.7` by the number. */
export function matching(runs: readonly Run[], filter: string): readonly Run[] {
  const tests = filter
    .split(/\s+/)
    .filter((word) => word !== '')
    .map(testOf);
  return tests.length === 0 ? runs : runs.filter((run) => tests.every((test) => test(run)));
}

function testOf(word: string): (run: Run) => boolean {
  const [, name = '', sign = '', text = ''] = COMPARED.exec(word) ?? [];
  if (name === '') {
    const wanted = word.toLowerCase();
    return (run) => textOf(run).includes(wanted);
  }
  const limit = Number(text);
  return (run) => {
    const value = run.metrics[name];
    if (value === undefined || value === null) return sign === '=' && run.params[name] === text;
    return compared(value, sign, limit);
  };
}

function compared(value: number, sign: string, limit: number): boolean {
  if (sign === '<') return value < limit;
  if (sign === '<=') return value <= limit;
  if (sign === '>') return value > limit;
  return sign === '>=' ? value >= limit : value === limit;
}

const texts = new WeakMap<Run, string>();

/** Every text of a run, made once. */
function textOf(run: Run): string {
  const known = texts.get(run);
  if (known !== undefined) return known;
  const made = [run.name, run.id, run.status, run.user, ...Object.values(run.params)].join(' ').toLowerCase();
  texts.set(run, made);
  return made;
}

/** Runs in an order; those without a value come last. */
export function sorted(runs: readonly Run[], { by, down }: Order): readonly Run[] {
  const values = new Map(runs.map((run) => [run, runValue(run, by)]));
  const sign = down ? -1 : 1;
  return runs.toSorted((a, b) => {
    const left = values.get(a) ?? null;
    const right = values.get(b) ?? null;
    if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1;
    return left === right ? 0 : (left < right ? -1 : 1) * sign;
  });
}

function runValue(run: Run, by: string): number | string | null {
  if (by.startsWith('metric ')) return run.metrics[by.slice(7)] ?? null;
  if (by.startsWith('param ')) return run.params[by.slice(6)] ?? null;
  if (by === 'name') return run.name;
  if (by === 'status') return run.status;
  if (by === 'took') return run.startedAt === null || run.endedAt === null ? null : run.endedAt - run.startedAt;
  return run.startedAt;
}
