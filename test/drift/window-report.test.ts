import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { numberText } from '../../src/base/number-text.ts';
import type { Comparison } from '../../src/monitoring/detect/comparison.ts';
import type { QualityWindows } from '../../src/monitoring/estimate/quality-windows.ts';
import { featureCells } from '../../src/monitoring/report/comparison-text.ts';
import { windowHtml } from '../../src/monitoring/report/window-html.ts';
import type { WindowReport } from '../../src/monitoring/report/window-report.ts';
import { readDriftReport } from '../../src/server/routes/drift-report.ts';
import { runCli } from '../cli/run-cli.ts';
import { WatchedRun, watchedProject } from '../playbook/watched-project.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2026, 0, 5);
const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'headrace-window-report-'));
const directory = join(folder, 'data');
let run: WatchedRun;

beforeAll(async () => {
  run = await WatchedRun.open(directory, watchedProject({ mode: 'dryRun', retrain: { rows: 200 } }));
  await run.firstChampion();
  for (let at = 1; at <= 11; at += 1) await run.traffic(at);
  await run.traffic(12, { shift: 6, turned: true });
  await run.traffic(13, { gapless: true });
  await run.headrace.playbook(run.watched).step({ wait: true });
  await run.headrace.flush();
}, 600_000);

afterAll(async () => {
  await run.headrace.close();
  rmSync(folder, { recursive: true, force: true });
});

async function ask(query: Readonly<Record<string, string>>): Promise<{ readonly type: string; readonly text: string }> {
  const answer = await readDriftReport.run({ headrace: run.headrace } as never, { name: 'watched', query } as never);
  const { type, body } = answer as { readonly type: string; readonly body: string };
  return { type, text: body };
}

const at = (hour: number) => String(START + hour * HOUR_MS);

/** The predictions of some hours and their labels, by the window's own count. */
async function realised(from: number, to: number) {
  const { text } = await ask({ from: at(from), to: at(to) });
  return { quality: (JSON.parse(text) as WindowReport).coverage.window };
}

/** Rows of a table of a page, as texts. */
function tableOf(html: string, name: string): readonly (readonly string[])[] {
  const [, table = ''] = new RegExp(`<table class="${name}">([\\s\\S]*?)</table>`).exec(html) ?? [];
  const plain = (text: string) =>
    text
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&quot;', '"')
      .replaceAll('&#39;', "'")
      .replaceAll('&amp;', '&')
      .trim();
  return table
    .split('<tr')
    .slice(2)
    .map((row) =>
      row
        .split('<td>')
        .slice(1)
        .map((cell) => plain(cell.replace(/<\/?(td|tr)>/g, ''))),
    );
}

describe('a window of a model in one report', () => {
  test('has features, series, labels, slices, causes and decisions, the same in JSON and on the page', async () => {
    const window = { from: at(12), to: at(13) };
    const { text } = await ask(window);
    const report = JSON.parse(text) as WindowReport & { readonly comparison: Comparison };
    const { text: html, type } = await ask({ ...window, format: 'html' });
    expect(type).toContain('text/html');
    expect(report.comparison.features[0]).toMatchObject({ name: 'number', state: 'drift' });
    expect(report.series.map(({ monitor }) => monitor.kind)).toEqual([
      'featureDrift',
      'predictionDrift',
      'conceptDrift',
    ]);
    expect(report.series.every(({ windows }) => windows.length === 24)).toBe(true);
    expect(report.coverage).toMatchObject({
      window: { predictions: 400, labelled: 400 },
      maturity: { state: 'mature' },
    });
    expect(report.decisions.join()).toContain('open watched/');
    expect(tableOf(html, 'features')).toEqual(
      report.comparison.features.map((one) => featureCells(one).map((cell) => cell.trim())),
    );
    expect(tableOf(html, 'causes').map((cells) => cells.slice(0, 5))).toEqual(
      report.causes.features.map((one) => [
        one.feature,
        one.state,
        numberText(one.lossShare),
        numberText(one.explained),
        numberText(one.debiasedPsi),
      ]),
    );
    expect(tableOf(html, 'slices').map((cells) => cells.slice(1))).toEqual(
      (report.slices?.slices ?? []).map((one) => [
        String(one.rows),
        numberText(one.loss),
        numberText(one.restLoss),
        numberText(one.adjustedP),
      ]),
    );
    for (const { monitor, windows } of report.series)
      for (const { value, limit, rows } of windows)
        if (value !== null)
          expect(html, monitor.kind).toContain(`${rows} rows, ${numberText(value)}, limit ${numberText(limit)}`);
  }, 300_000);

  test('names the view, the source and the age of features, and the deploy on the time line', async () => {
    const { text } = await ask({ from: at(12), to: at(13), of: 'causes' });
    const report = JSON.parse(text) as WindowReport['causes'];
    expect(report.loss?.rows).toEqual({ reference: 4000, current: 400 });
    expect(report.timeLine).toContainEqual(expect.objectContaining({ kind: 'deploy', at: START + HOUR_MS }));
    const own = report.features.find(({ tier }) => tier === 'streaming');
    expect(own?.view).not.toBeNull();
    expect(own?.sources.length).toBeGreaterThan(0);
    expect(own?.freshnessMs).toBeGreaterThan(0);
    expect(own?.ageMs).toBeGreaterThan(0);
  }, 300_000);

  test('gives the parts of a window with the quality that was estimated, and the one that labels show', async () => {
    const { text } = await ask({ from: at(10), to: at(12), of: 'quality' });
    const { windows, limits } = JSON.parse(text) as QualityWindows;
    expect([windows[0]?.from, windows.at(-1)?.to]).toEqual([Number(at(10)), Number(at(12))]);
    for (const [i, { from }] of windows.entries()) if (i > 0) expect(from).toBe(windows[i - 1]?.to);
    const { quality } = await realised(10, 12);
    expect(windows.reduce((sum, one) => sum + one.predictions, 0)).toBe(quality.predictions);
    expect(windows.reduce((sum, one) => sum + one.labelled, 0)).toBe(quality.labelled);
    for (const { predictions, labelled, estimated, realised: seen, trust } of windows) {
      expect(seen === null).toBe(labelled === 0);
      expect(estimated !== null).toBe(predictions > 0 && trust.state === 'estimate');
    }
    expect(Object.keys(limits ?? {})).toContain('auc');
    // Before its first prediction a version has no labelled row: nothing is estimated, and nothing fails.
    const early = JSON.parse((await ask({ from: at(0), to: at(1), of: 'quality' })).text) as QualityWindows;
    expect(early.windows.every(({ estimated }) => estimated === null)).toBe(true);
  }, 300_000);

  test('refuses what is no window, by code', async () => {
    for (const query of [{ from: at(3), to: at(2) }, { from: '0', to: at(2) }, { from: 'x' }, { of: 'all' }])
      await expect(ask(query as never)).rejects.toMatchObject({ code: 'SERVER_BODY' });
  });

  test('is the same from the command line, next to a process that serves', async () => {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(root, join(folder, 'node_modules', 'headrace'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(folder, 'headrace.config.ts'),
      `import { defineConfig } from 'headrace';
import { watchedProject } from 'headrace/test/playbook/watched-project.ts';
const { project } = watchedProject({ mode: 'dryRun', retrain: { rows: 200 } });
export default defineConfig({ project, environments: { local: { directory: ${JSON.stringify(directory)}, sampleRate: 1 } } });
`.replace('headrace/test/', `${root}test/`),
    );
    const span = ['--from', new Date(Number(at(13))).toISOString(), '--to', new Date(Number(at(14))).toISOString()];
    const { out, err } = await runCli(folder, ['drift', 'report', 'watched', ...span, '--html', 'w.html', '--json']);
    expect(err).toBe('');
    const report = JSON.parse(out) as WindowReport;
    const { text } = await ask({ from: at(13), to: at(14) });
    // Instants of looking differ, and with them the age of the newest label, and whether an estimate is given.
    const timeless = ({ at: _, series, coverage, estimate, ...rest }: WindowReport) => {
      const { trust: _trust, metrics: _metrics, assumptions, ...same } = estimate;
      return {
        ...rest,
        estimate: { ...same, assumptions: { ...assumptions, lastLabelAgeMs: null } },
        window: coverage.window,
        series: series.map(({ referenceAgeMs: __, ...one }) => one),
      };
    };
    expect(timeless(report)).toEqual(timeless(JSON.parse(text) as WindowReport));
    expect(report.comparison?.faults).toMatchObject([{ kind: 'missing', columns: ['gaps'] }]);
    expect(readFileSync(join(folder, 'w.html'), 'utf8')).toContain('gaps');
    const causes = await runCli(folder, ['drift', 'causes', 'watched', ...span]);
    expect(causes.out).toContain('share of the loss');
    expect(
      (await runCli(folder, ['drift', 'causes', 'watched', '--from', '2026-01-06', '--to', '2026-01-05'])).err,
    ).toContain('DRIFT_OPTION');
  }, 300_000);
});

test('whatever the names, nothing in the page is markup of theirs, loads or runs, and it stays below 2 MB', async () => {
  const { text } = await ask({ from: at(12), to: at(13) });
  const report = JSON.parse(text) as WindowReport & { readonly comparison: Comparison };
  const hostile = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    '</style><link rel=stylesheet href=//evil>',
    '&lt;b&gt;',
    `${'<svg/onload=alert(1)>'.repeat(200)}`,
  ];
  const [feature] = report.comparison.features;
  const frozen = {
    kind: 'values',
    values: new Map([
      ['<i>', 0],
      ['"', 1],
    ]),
    count: 3,
  } as const;
  const name = (i: number) => `${hostile[i % hostile.length]}${i}`;
  const features = Array.from({ length: 2000 }, (_, i) => ({
    ...feature,
    name: name(i),
    reason: name(i),
    bins: { frozen, reference: [1, 2, 3, 4], current: [4, 3, 2, 1] },
  }));
  const causes = {
    ...report.causes,
    features: features.map((one, i) => ({
      ...report.causes.features[0],
      feature: one.name,
      view: name(i),
      sources: [name(i)],
    })),
  };
  const slices = {
    rows: 1,
    loss: 1,
    looked: 1,
    excluded: [],
    slices: hostile.map((one) => ({ conditions: [one, one], rows: 1, loss: 1, restLoss: 1, adjustedP: 1 })),
  };
  const timeLine = Array.from({ length: 500 }, (_, i) => ({
    at: START,
    kind: 'deploy' as const,
    of: name(i),
    text: name(i),
  }));
  const html = windowHtml({
    ...report,
    model: hostile[1],
    comparison: {
      ...report.comparison,
      features,
      reference: { name: hostile[0], rows: 1 },
      faults: [{ kind: 'type', columns: hostile, text: hostile[0], rows: null }],
    },
    causes: { ...causes, timeLine },
    slices,
    decisions: Array.from({ length: 200 }, (_, i) => name(i)),
    series: report.series.map((one) => ({
      ...one,
      reason: hostile[5],
      windows: one.windows.map((window) => ({ ...window, reason: hostile[5] })),
    })),
  });
  expect(Buffer.byteLength(html)).toBeLessThan(2_000_000);
  const tags = new Set([...html.matchAll(/<\/?([a-zA-Z!][a-zA-Z0-9]*)/g)].map(([, tag]) => tag.toLowerCase()));
  const known =
    '!doctype html head meta title style body h1 h2 p table tr th td div ul li b span pre svg polyline circle rect figure figcaption'.split(
      ' ',
    );
  expect([...tags].filter((tag) => !known.includes(tag))).toEqual([]);
  // Outside of texts there are no attributes but these.
  const attributes = new Set(
    [...html.replaceAll(/>[^<]*</g, '><').matchAll(/\s([a-z-]+)="/gi)].map(([, one]) => one.toLowerCase()),
  );
  const allowed =
    'lang charset http-equiv content name class viewbox role aria-label points cx cy r x y width height'.split(' ');
  expect([...attributes].filter((one) => !allowed.includes(one))).toEqual([]);
  expect(html).not.toMatch(/url\(|@import/);
}, 300_000);
