import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ModeSummary } from '../examples/inference/summary.ts';
import { withTable } from './route-tables.ts';
import { root, runCommand } from './run-command.ts';

// Writes the measured part of docs/guide/inference-modes.md: runs the flights in every mode, as `npm run start:batch` and the others do,
// and `headrace serve advise` over the environment of the online run. `[--flights N]`. By hand: it takes minutes.
const PAGE = 'docs/guide/inference-modes.md';
const MODES = ['online', 'streaming', 'batch'] as const;
const { values } = parseArgs({ options: { flights: { type: 'string' } } });
const flights = ['--flights', values.flights ?? '20000'];

const cwd = mkdtempSync(join(tmpdir(), 'headrace-modes-'));
try {
  const summaries: ModeSummary[] = [];
  for (const mode of MODES) {
    const args = [`${root}/examples/inference/main.ts`, mode, '--json', ...flights];
    summaries.push((await jsonOf(args)) as ModeSummary);
  }
  const costs = await advisedCosts();
  writeFileSync(`${root}/${PAGE}`, withTable(PAGE, 'measured', measuredText(summaries, costs)));
} finally {
  rmSync(cwd, { recursive: true, force: true });
}

type Costs = Readonly<Record<(typeof MODES)[number], number>>;

async function advisedCosts(): Promise<Costs> {
  const config = `${root}/examples/inference/headrace.config.ts`;
  const asked = ['serve', 'advise', 'late_departure', '--asks', 'caller', '--latency', '50ms', '--json'];
  process.env['FLIGHTS_DIRECTORY'] = join(cwd, '.headrace/inference/online');
  const { costs } = (await jsonOf([`${root}/src/cli/main.ts`, ...asked, '--config', config])) as {
    readonly costs: Costs;
  };
  return costs;
}

/** The last line of a program as JSON; a program that fails ends this one. */
async function jsonOf(args: readonly string[]): Promise<unknown> {
  const { code, stdout, output } = await runCommand('node', ['--conditions=headrace-source', ...args], {
    cwd,
    limitMs: null,
  });
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}\n${output.slice(-2_000)}`);
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
}

function measuredText(summaries: readonly ModeSummary[], costs: Costs): string {
  const [first] = summaries;
  const date = new Date().toISOString().slice(0, 10);
  const number = (value: number) => Number(value.toPrecision(3)).toLocaleString('en');
  const rows = summaries.map(({ mode, predictions, latency, perSecond, coreSeconds }) => {
    const cells = [mode, predictions.toLocaleString('en'), waitText(mode, latency), number(perSecond)];
    return `| ${[...cells, `${number(coreSeconds)} core s`, `${number(costs[mode])} core s`].join(' | ')} |`;
  });
  const parts = summaries.flatMap(({ mode, naive, checks }) => [
    '',
    `**${mode}**, naive:`,
    '',
    ...naive.map((line) => `- ${line}.`),
    '',
    `**${mode}**, with Headrace:`,
    '',
    ...checks.map(({ name, found }) => `- ${name}: ${found}.`),
  ]);
  return [
    `Measured on ${date}, on ${first?.machine}, other programs running. Flights: ${first?.data}.`,
    '',
    '| mode | predictions | question to answer | predictions/s | a million predictions cost | the same by `serve advise` |',
    '|---|---|---|---|---|---|',
    ...rows,
    ...parts,
  ].join('\n');
}

function waitText(mode: ModeSummary['mode'], { p50, p99 }: ModeSummary['latency']): string {
  const number = (value: number) => Number(value.toPrecision(3)).toLocaleString('en');
  if (mode === 'batch') return `the whole job: ${number(p50 / 1_000)} s`;
  return `${number(p50)} ms (p99 ${number(p99)} ms)`;
}
