import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { costSpot } from '../../src/cli/commands/cost/spot.ts';
import { parseCall } from '../../src/cli/options/parse-call.ts';

const folder = mkdtempSync(join(tmpdir(), 'headrace-cost-spot-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const trace = join(folder, 'east_v100_1.json');
const data = Array.from({ length: 600 }, (_, tick) => (tick % 50 < 40 ? 4 : 1));
writeFileSync(trace, JSON.stringify({ metadata: { gap_seconds: 300 }, data }));

async function call(...args: readonly string[]): Promise<string> {
  let text = '';
  const out = (part: string) => {
    text += part;
  };
  const terminal = { out, err: out, interactive: false, stopped: new Promise<void>(() => {}) };
  await costSpot.run(parseCall(costSpot, args, terminal));
  return text;
}

const job = ['--nodes', '4', '--work', '4h', '--deadline', '8h', '--on-demand', '20', '--spot', '8'];

test('a trace and a job give a table with late and unfinished runs, and the caveats', async () => {
  const text = await call(trace, ...job, '--blocked', '60s');
  for (const part of [
    'greedy',
    'hybrid',
    'omniscient bound',
    'unfinished',
    'Daly',
    'best of the replay',
    'v100 instances',
  ])
    expect(text).toContain(part);
  expect(text).toContain('a changeover of 1080 s is paid as 4 ticks of 300 s');
});

test('--json has every policy with its quantiles, and no cost of single runs', async () => {
  const { traces, version } = JSON.parse(await call(trace, ...job, '--json'));
  expect([version, traces.length]).toEqual([1, 1]);
  const [{ simulation, caveats }] = traces;
  expect(simulation.outcomes.map(({ policy }: { policy: string }) => policy)).toHaveLength(6);
  expect(simulation.outcomes[0].costUsd.mean).toBeGreaterThan(simulation.omniscientUsd);
  expect(simulation.outcomes[0].costs).toBeUndefined();
  expect(caveats.length).toBeGreaterThan(3);
});

test.each([
  [[trace, '--work', '4h'], 'COST_SIMULATION'],
  [[trace, ...job, '--policy', 'lucky'], 'CLI_VALUE'],
  [[trace, ...job.slice(0, -2), '--spot=-1'], 'CLI_VALUE'],
  [[trace, ...job, '--changeover', '3.3333s'], 'CLI_VALUE'],
  [[trace, '--nodes', '9', '--blocked', '60s'], 'COST_SIMULATION'],
  [[join(folder, 'absent.json')], 'COST_FILE'],
  [[folder], 'COST_FILE'],
])('a wrong call is a coded error: %j', async (args, code) => {
  await expect(call(...args)).rejects.toMatchObject({ code });
});
