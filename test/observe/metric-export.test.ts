import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { defineProject } from '../../src/features/define/declare.ts';
import { newState } from '../../src/findings/monitor-state.ts';
import { otlpName } from '../../src/observe/otlp-metrics.ts';
import { openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { partKinds } from '../../src/running/parts.ts';
import { service } from '../models/small-project.ts';
import { until } from '../until.ts';

const START = Date.UTC(2026, 0, 1);
const project = defineProject('sent', { service });

interface Metric {
  readonly name: string;
  readonly unit: string;
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly sum?: { readonly dataPoints: readonly Point[]; readonly isMonotonic: boolean };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}

interface Point {
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
  readonly asDouble: number;
  readonly count: string;
  readonly bucketCounts: readonly string[];
  readonly explicitBounds: readonly number[];
}

/** A collector that answers with a status, and the requests that it has had. */
async function collector(status: number) {
  const bodies: { path: string | undefined; type: string | undefined; text: string }[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      bodies.push({ path: request.url, type: request.headers['content-type'], text });
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, bodies };
}

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-metrics-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

test('a collector has the figures of every part under names of OpenTelemetry, those of monitors too', async () => {
  const { url, bodies } = await collector(200);
  const directory = newDirectory();
  const headrace = await openHeadrace({
    project,
    environment: { directory, metrics: { otlp: url } },
    clock: () => START,
  });
  const monitors = [
    { model: 'm', version: 1, state: 'drift', reason: 'r', windows: [], monitor: { kind: 'featureDrift' } },
  ] as never;
  await insideOf(headrace).stores.monitors.write(
    JSON.stringify(newState({ at: START, everyMs: 60_000, monitors, failed: [] })),
  );
  await headrace.vector(service, { name: 'a', number: 1, gaps: null, category: 1 });
  await headrace.tick();
  await until(() => bodies.length > 0);
  await headrace.close();
  const [{ path, type, text }] = bodies;
  expect([path, type]).toEqual(['/v1/metrics', 'application/json']);
  const [{ resource, scopeMetrics }] = JSON.parse(text).resourceMetrics;
  expect(resource.attributes[0]).toEqual({ key: 'service.name', value: { stringValue: 'sent' } });
  const metrics = new Map((scopeMetrics[0].metrics as Metric[]).map((metric) => [metric.name, metric]));
  expect(metrics.size).toBe(scopeMetrics[0].metrics.length);
  const states = (metrics.get('headrace.monitor.state')?.gauge?.dataPoints ?? []).map(({ attributes, asDouble }) => [
    ...attributes.map(({ value }) => value.stringValue),
    asDouble,
  ]);
  expect(states).toContainEqual(['m', 'featureDrift', 'drift', 1]);
  expect(states).toContainEqual(['m', 'featureDrift', 'ok', 0]);
  expect(metrics.get('headrace.profiled.vectors')).toMatchObject({
    unit: '{vectors}',
    sum: {
      isMonotonic: true,
      aggregationTemporality: 2,
      dataPoints: [{ asDouble: 1, timeUnixNano: `${START}000000` }],
    },
  });
  const [read] = metrics.get('headrace.vector.read')?.histogram?.dataPoints ?? [];
  expect(read.count).toBe('1');
  expect(read.bucketCounts.length).toBe(read.explicitBounds.length + 1);
  expect(read.bucketCounts.reduce((sum, count) => sum + Number(count), 0)).toBe(1);
});

test('no two figures have one name for OpenTelemetry', () => {
  const names = partKinds.flatMap(({ figures }) => figures).map(otlpName);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^(headrace|nv)(\.[a-z0-9]+)+$/);
});

test('a collector that refuses is a coded fault, once, and the project continues', async () => {
  const { url, bodies } = await collector(500);
  const faults: unknown[] = [];
  const headrace = await openHeadrace({
    project,
    environment: { directory: newDirectory(), metrics: { otlp: url, every: '1ms' } },
    clock: () => START,
    onFault: (error) => faults.push(error),
  });
  await until(async () => {
    await headrace.tick();
    return bodies.length > 2;
  });
  await until(() => faults.length > 0);
  expect(faults).toMatchObject([{ code: 'METRIC_EXPORT' }]);
  await headrace.close();
});
