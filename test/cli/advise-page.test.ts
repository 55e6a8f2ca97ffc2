import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openHeadrace } from '../../src/running/headrace.ts';
import { adviseMode, type ModeCosts, type ServingMode } from '../../src/serving/advise/mode-advice.ts';
import { environmentIn, project } from '../loop/prediction-project.ts';
import { lastJson, runCli } from './run-cli.ts';

const page = readFileSync(new URL('../../docs/guide/inference-modes.md', import.meta.url), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'headrace-advise-page-'));
const CONFIG = fileURLToPath(new URL('./advise/headrace.config.ts', import.meta.url));

/** The rows of the page's table of use cases. */
const useCases = [...page.matchAll(/^\| ([^|]+) \| `(--asks [^`]+)` \| (\w+) \|$/gm)].map(
  ([, name, options, mode]) => [name, options, mode] as const,
);

/** Core seconds of a million predictions that the page has of each mode, by a run and by the command. */
const measured = [...page.matchAll(/^\| (online|streaming|batch) \|.* ([\d,.]+) core s \| ([\d,.]+) core s \|$/gm)].map(
  ([, mode, run, advised]) => [mode, seconds(run), seconds(advised)] as const,
);

function seconds(text: string): number {
  return Number(text.replaceAll(',', ''));
}

beforeAll(async () => {
  process.env['ADVISE_DIRECTORY'] = directory;
  const headrace = await openHeadrace({ project, environment: environmentIn(directory) });
  await headrace.close();
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the page has a use case for each mode, and the cost of each', () => {
  expect(new Set(useCases.map(([, , mode]) => mode))).toEqual(new Set(['online', 'streaming', 'batch']));
  expect(measured.map(([mode]) => mode)).toEqual(['online', 'streaming', 'batch']);
  for (const [, run, advised] of measured) expect(Math.min(run, advised)).toBeGreaterThan(0);
});

test.each(useCases)('serve advise gives the answer of the page: %s', async (_, options, mode) => {
  const call = await runCli(directory, [
    ...'serve advise small'.split(' '),
    ...options.split(' '),
    '--config',
    CONFIG,
    '--json',
  ]);
  expect(lastJson(call)).toMatchObject({ mode });
  const { verdicts } = lastJson(call) as ReturnType<typeof adviseMode>;
  expect(verdicts.find((one) => one.mode === mode)?.fits).toBe(true);
});

test.each(useCases)('the costs that the page has lead to the same answer: %s', (_, options, mode) => {
  const option = (name: string) => new RegExp(`--${name} (\\S+)`).exec(options)?.[1];
  for (const column of [1, 2] as const) {
    const costs = Object.fromEntries(measured.map((row) => [row[0], row[column]])) as Record<ServingMode, number> &
      ModeCosts;
    const facts = {
      asks: option('asks') as 'caller',
      latencyMs: milliseconds(option('latency') ?? ''),
      freshnessMs: milliseconds(option('freshness') ?? '1m'),
      perDay: 1e6,
      labels: (option('labels') ?? 'quality') as 'quality',
    };
    expect(adviseMode(facts, costs).mode).toBe(mode);
  }
});

function milliseconds(text: string): number {
  const [, count, unit] = /^(\d+)(ms|s|m|d)$/.exec(text) ?? [];
  return Number(count) * ({ ms: 1, s: 1_000, m: 60_000, d: 86_400_000 }[unit ?? ''] ?? Number.NaN);
}
