import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { commands } from '../../src/cli/commands.ts';
import { findCommand, parseCall } from '../../src/cli/options/parse-call.ts';
import { projectFiles } from '../../src/cli/scaffold/project-files.ts';
import { templates } from '../../src/cli/scaffold/templates.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { startServer } from '../../src/server/http-server.ts';
import { project } from '../server/shop.ts';
import { linkHeadrace } from './run-cli.ts';

/** More digits than anything that a command prints is known to; the second after the point. */
const MOST_DIGITS = 6;
const MOST_AFTER_POINT = 4;

/** Words before a duration, and a number after them that no unit and no word follows. */
const BARE_DURATION =
  /\b(?:took|takes|within|waited|older than|at work for|every) (\d[\d.,]*\d|\d)(?= *(?:$|[,;:()]|\.(?:\s|$)))/gm;

/** Numbers with more digits than are known, or with an exponent, in a text for people. A line of JSON is for programs. */
function unrounded(text: string): readonly string[] {
  return text
    .replaceAll(/arXiv[ :]?\S+/g, '')
    .split('\n')
    .filter((line) => !/^\s*(?:[{}[\]]|"\w+":)/.test(line))
    .flatMap((line) => line.match(/(?<![\w.:/-])-?\d+(?:\.\d+)?(?:e[-+]\d+)?(?![\w:/-]|\.\d)/g) ?? [])
    .filter((found) => {
      const [, fraction] = found.split('.');
      const [digits, after] = [found, fraction ?? ''].map(
        (part) => part.replaceAll(/\D/g, '').replace(/^0+/, '').length,
      );
      return found.includes('e') || (fraction !== undefined && (digits > MOST_DIGITS || after > MOST_AFTER_POINT));
    });
}

/** Durations in a text for people that have no unit. */
function withoutUnit(text: string): readonly string[] {
  return [...text.matchAll(BARE_DURATION)].map(([found]) => found);
}

test.each([
  ['at work for 12', ['at work for 12']],
  ['older than 3.5, and within 20: no', ['older than 3.5', 'within 20']],
  ['took 3 s, within 5 % every 2 days; every 3rd row', []],
])('%s has the bare durations %j', (text, durations) => {
  expect(withoutUnit(text)).toEqual(durations);
});

test.each([
  ['mature after 4.825640393518518 days', ['4.825640393518518']],
  ['2.4e-138 false alarms a day', ['2.4e-138']],
  ['at 2026-01-31T12:00:00.000Z, version 1.5.6, 1234567 rows, 0.000123 of 12.50 EUR', []],
  ['  "spend_mean_price_7d": 58.17071428571428', []],
])('%s has the numbers %j', (text, numbers) => {
  expect(unrounded(text)).toEqual(numbers);
});

/** Runs a command in this process; its whole text. */
async function textOf(words: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const { command, rest } = findCommand(commands, words);
  const print = (text: string) => void lines.push(text);
  const stopped = new Promise<void>(() => undefined);
  await command.run(parseCall(command, rest, { out: print, err: print, interactive: false, stopped }));
  return lines.join('\n');
}

function folderOf(template: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'headrace-rounded-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  linkHeadrace(folder);
  const made = templates.find(({ name }) => name === template) ?? templates[0];
  for (const [name, text] of Object.entries(projectFiles(folder, made, Date.now()))) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

async function wantRounded(calls: readonly (readonly string[])[]): Promise<void> {
  for (const words of calls) {
    const text = await textOf(words);
    expect({ words, text }).toMatchObject({ text: expect.stringMatching(/\d/) });
    expect({ words, numbers: unrounded(text), bare: withoutUnit(text) }).toEqual({ words, numbers: [], bare: [] });
  }
}

test('commands of files print no number with more digits than are known', async () => {
  const drift = folderOf('drift');
  const gpu = folderOf('gpu');
  const [reference, current, profile] = ['data/reference.csv', 'data/current.csv', 'a.profile'].map((name) =>
    join(drift, name),
  );
  const random = seededRandom(3);
  const scored = (shift: number) =>
    Array.from({ length: 2_000 }, () => {
      const score = random() ** (1 + shift);
      return `${score},${random() < score ? 1 : 0},${random() < 0.3 ? 'DE' : 'AT'}`;
    }).join('\n');
  const [old, now] = ['old.csv', 'now.csv'].map((name) => join(drift, name));
  writeFileSync(old, `score,label,country\n${scored(0)}\n`);
  writeFileSync(now, `score,label,country\n${scored(0.4)}\n`);
  const example = (name: string) => resolve('examples/training-cost', name);
  const offers = ['--prices', example('offers.json')];
  const prices = ['--on-demand', '24.48', '--spot', '7.3441'];
  const trace = ['--trace', example('aws-p2-2020-11-20.csv'), '--time-unit', 'h'];
  await wantRounded([
    ['drift', 'compare', reference, current],
    ['drift', 'compare', reference, current, '--slice', 'country'],
    ['drift', 'profile', reference, profile],
    ['drift', 'compare', profile, current],
    ['drift', 'estimate', old, now],
    ['drift', 'estimate', old, '--of', 'slices'],
    ['gpu', 'diagnose', join(gpu, 'data/dmon.txt')],
    ['gpu', 'diagnose', join(gpu, 'data/dmon.txt'), join(gpu, 'data/jobs.psv')],
    ['gpu', 'explain', 'scheduling'],
    ['cost', 'plan', example('job.json'), '--profile', example('loader-bound.json'), ...offers, ...trace],
    [
      'cost',
      'spot',
      example('aws-p2-2020-11-20.csv'),
      '--time-unit',
      'h',
      '--work',
      '8h',
      '--deadline',
      '12h',
      ...prices,
    ],
  ]);
});

test('commands of a project print no number with more digits than are known', async () => {
  const folder = folderOf('personalisation');
  const config = ['--config', join(folder, 'headrace.config.ts')];
  const ingest = ['shown', 'clicks'].map((name) => `${name}=${join(folder, 'data', `${name}.csv`)}`);
  await wantRounded([
    ['plan', ...config],
    ['ingest', ...ingest, '--bootstrap', ...config],
    ['features', 'report', ...config],
    ['train', 'click', '--promote', ...config],
    ['models', 'click', ...config],
    ['registry', 'versions', 'click', ...config],
    ['drift', 'status', ...config],
    ['models', 'quality', 'click', ...config],
  ]);
}, 120_000);

test('commands that ask a server print no number with more digits than are known', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-rounded-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const headrace = await openHeadrace({ project, environment: { directory, partitions: 1 } });
  onTestFinished(() => headrace.close());
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 20_000 });
  onTestFinished(() => server.close());
  const body = JSON.stringify({ request: { user: 'u1', price: '2.50' } });
  const headers = { 'content-type': 'application/json' };
  for (let i = 0; i < 20; i += 1)
    expect(await fetch(`${server.url}/v1/features/shopper`, { method: 'POST', headers, body })).toMatchObject({
      status: 200,
    });
  await wantRounded([
    ['status', server.url],
    ['slo', server.url],
  ]);
});
