import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Comparison } from '../../src/monitoring/detect/comparison.ts';
import type { QualityWindows } from '../../src/monitoring/estimate/quality-windows.ts';
import type { WindowReport } from '../../src/monitoring/report/window-report.ts';
import { readDriftReport } from '../../src/server/routes/drift-report.ts';
import { runCli } from '../cli/run-cli.ts';
import { WatchedRun, watchedProject } from '../playbook/watched-project.ts';
import { embeddedReport } from '../report/embedded-report.ts';

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
    const page = embeddedReport(html);
    expect(page.kind).toBe('window');
    expect(JSON.parse(page.json)).toEqual(report);
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
    expect(JSON.parse(embeddedReport(readFileSync(join(folder, 'w.html'), 'utf8')).json)).toEqual(report);
    const causes = await runCli(folder, ['drift', 'causes', 'watched', ...span]);
    expect(causes.out).toContain('share of the loss');
    expect(
      (await runCli(folder, ['drift', 'causes', 'watched', '--from', '2026-01-06', '--to', '2026-01-05'])).err,
    ).toContain('DRIFT_OPTION');
  }, 300_000);
});
