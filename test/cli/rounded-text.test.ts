import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { seededRandom } from '../../src/base/rng.ts';
import { commands } from '../../src/cli/commands.ts';
import { findCommand, parseCall } from '../../src/cli/options/parse-call.ts';
import { projectFiles } from '../../src/cli/scaffold/project-files.ts';
import { templates } from '../../src/cli/scaffold/templates.ts';
import { linkHeadrace } from './run-cli.ts';

/** More digits than anything that a command prints is known to. */
const MOST_DIGITS = 6;

/** Numbers with more digits than are known, or with an exponent, in a text for people. A line of JSON is for programs. */
function unrounded(text: string): readonly string[] {
  return text
    .replaceAll(/arXiv[ :]?\S+/g, '')
    .split('\n')
    .filter((line) => !/^\s*(?:[{}[\]]|"\w+":)/.test(line))
    .flatMap((line) => line.match(/(?<![\w.:/-])-?\d+(?:\.\d+)?(?:e[-+]\d+)?(?![\w:/-]|\.\d)/g) ?? [])
    .filter((found) => {
      const [, fraction] = found.split('.');
      const digits = found.replaceAll(/\D/g, '').replace(/^0+/, '');
      return found.includes('e') || (fraction !== undefined && digits.length > MOST_DIGITS);
    });
}

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
    expect({ words, numbers: unrounded(text) }).toEqual({ words, numbers: [] });
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
  ]);
}, 120_000);
