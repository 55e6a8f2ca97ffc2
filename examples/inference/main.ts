import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isHeadraceError } from 'headrace';
import { batch } from './batch.ts';
import { online } from './online.ts';
import { makeSite } from './site.ts';
import { someFlights } from './some-flights.ts';
import { streaming } from './streaming.ts';
import { type ModeSummary, machineText, summaryText } from './summary.ts';

// The flights model in three modes of inference, each first as it is often done, then with Headrace:
// `npm run start:batch`, `npm run start:streaming`, `npm run start:online`. It ends with 1 if a check fails.
const modes = { batch, streaming, online };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { flights: { type: 'string' }, kills: { type: 'string' }, json: { type: 'boolean' } },
});
const chosen = positionals.length > 0 ? positionals : Object.keys(modes);
const limit = Number(values.flights ?? 20_000);
const kills = Number(values.kills ?? 4);
const unknown = chosen.find((mode) => !Object.hasOwn(modes, mode));
if (unknown !== undefined || !Number.isInteger(limit) || limit < 500 || !Number.isInteger(kills) || kills < 2) {
  console.error('usage: main.ts [batch] [streaming] [online] [--flights N, from 500] [--kills N, from 2] [--json]');
  process.exit(2);
}

const DIRECTORY = '.headrace/inference';
try {
  const { isReal } = await someFlights(1);
  if (!isReal) console.error('THE FLIGHTS DATA IS MISSING: npm ci installs it. All flights of this run are GENERATED.');
  for (const mode of chosen) await run(mode as keyof typeof modes);
  if (values.json !== true)
    console.log('choose the mode yourself, in the lab: npm run -s headrace -- labs inference-modes');
} catch (error) {
  if (!isHeadraceError(error)) throw error;
  console.error(`${error.code}: ${error.message}\n  ${error.hint}`);
  process.exitCode = error.exit;
}

async function run(mode: keyof typeof modes): Promise<void> {
  const directory = `${DIRECTORY}/${mode}`;
  mkdirSync(DIRECTORY, { recursive: true });
  if (existsSync(`${directory}-calm`)) rmSync(`${directory}-calm`, { recursive: true });
  const site = await makeSite(directory, limit);
  const measured = await modes[mode](site, kills);
  const summary: ModeSummary = { ...measured, data: site.from, machine: machineText() };
  console.log(values.json === true ? JSON.stringify(summary) : summaryText(summary));
  if (summary.checks.some(({ passed }) => !passed)) process.exitCode = 1;
}
