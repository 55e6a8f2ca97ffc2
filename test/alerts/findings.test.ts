import { describe, expect, test } from 'vitest';
import { MemoryIncidents } from '../../src/backends/memory/incidents.ts';
import { model } from '../../src/features/define/declare.ts';
import { reportFindings } from '../../src/findings/incidents-of-findings.ts';
import type { QualityFault } from '../../src/monitoring/detect/quality-fault.ts';
import { type MonitorStatus, monitorsOf, type WindowState } from '../../src/monitoring/monitor/judge-windows.ts';
import { asked, came, service } from '../models/small-project.ts';
import { START } from './desk.ts';

const watched = model('watched', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'logisticRegression' } },
});
const [features, scores, losses] = monitorsOf(watched);

const fault = (kind: QualityFault['kind'], ...columns: string[]): QualityFault => ({
  kind,
  columns,
  text: 'value "ada@example.com" appeared',
  rows: 7,
});

function status(
  monitor: MonitorStatus['monitor'],
  state: WindowState,
  more: { readonly faults?: readonly QualityFault[]; readonly drifted?: readonly string[] } = {},
): MonitorStatus {
  const { faults = [], drifted = [] } = more;
  const window = {
    from: START - 3_600_000,
    to: START,
    rows: 400,
    state,
    reason: 'x: "Ada" moved',
    faults,
    drifted,
    changedAt: null,
    value: null,
    limit: null,
  };
  return { model: 'watched', version: 1, monitor, state, reason: window.reason, referenceAgeMs: 1, windows: [window] };
}

const ok = [status(features, 'ok'), status(scores, 'ok'), status(losses, 'ok')];
let at = START;

async function report(
  port: MemoryIncidents,
  monitors: readonly MonitorStatus[],
  failed: { model: string; reason: string }[] = [],
) {
  at += 60_000;
  await reportFindings([watched], { at, monitors, failed }, port);
  return port.active().map(({ kind, severity, tier, fingerprint }) => `${kind} ${severity} ${tier} ${fingerprint}`);
}

describe('one incident for each cause', () => {
  test('each kind of drift has its tier and urgency, and ends when its monitor is quiet', async () => {
    const port = new MemoryIncidents();
    expect(await report(port, ok)).toEqual([]);
    const drift = [
      status(features, 'drift', { drifted: ['number'] }),
      status(scores, 'drift', { drifted: ['score'] }),
      status(losses, 'drift', { drifted: ['brier'] }),
    ];
    const three = [
      'dataDrift digest 1 watched/dataDrift/',
      'predictionDrift ticket 2 watched/predictionDrift/',
      'conceptDrift page 3 watched/conceptDrift/',
    ];
    expect(await report(port, drift)).toEqual(three);
    expect(await report(port, drift)).toEqual(three);
    // Nothing is over because nothing can be judged.
    for (const state of ['insufficient', 'immature', 'unwatched'] as const)
      expect(await report(port, [status(features, state), status(scores, state), status(losses, state)])).toEqual(
        three,
      );
    expect(await report(port, [ok[0], drift[1], drift[2]])).toEqual(three.slice(1));
    expect(await report(port, ok)).toEqual([]);
  });

  test('missing values in several columns of the same rows are one incident, and the drift that follows is part of it', async () => {
    const port = new MemoryIncidents();
    const faulty = status(features, 'fault', { faults: [fault('missing', 'a', 'b', 'c')] });
    expect(await report(port, [faulty, status(scores, 'drift'), ok[2]])).toEqual([
      'qualityFault page 0 watched/qualityFault/a+b+c+missing',
    ]);
    expect(port.active()[0].evidence).toMatchObject({ columns: ['a', 'b', 'c'], alsoSeen: ['predictionDrift'] });
    // It spreads: the same cause, with one more column.
    const more = status(features, 'fault', { faults: [fault('missing', 'c', 'd'), fault('unit', 'e')] });
    expect(await report(port, [more, ok[1], ok[2]])).toEqual([
      'qualityFault page 0 watched/qualityFault/a+b+c+missing',
      'qualityFault page 0 watched/qualityFault/e+unit',
    ]);
    expect(port.active()[0].evidence['columns']).toEqual(['a', 'b', 'c', 'd']);
    // Too few rows to judge the features: scores that drift are still a consequence.
    expect((await report(port, [status(features, 'insufficient'), status(scores, 'drift'), ok[2]])).length).toBe(2);
    expect(await report(port, ok)).toEqual([]);
  });

  test('a model that cannot be judged is its own incident, and ends none', async () => {
    const port = new MemoryIncidents();
    await report(port, [status(features, 'drift'), ok[1], ok[2]]);
    expect(await report(port, [], [{ model: 'watched', reason: 'the file /home/ada/x is damaged' }])).toEqual([
      'dataDrift digest 1 watched/dataDrift/',
      'monitor ticket null watched/monitor/failed',
    ]);
    expect(await report(port, ok)).toEqual([]);
  });

  test('incidents of others are left alone, and no incident has a value of a row', async () => {
    const port = new MemoryIncidents();
    port.open({
      fingerprint: 'watched/rollout/1',
      kind: 'rollout',
      severity: 'page',
      tier: 4,
      model: 'watched',
      slice: null,
      owner: null,
      summary: 's',
      evidence: {},
      at,
    });
    await report(port, [status(features, 'fault', { faults: [fault('spelling', 'a')] }), ok[1], ok[2]]);
    expect(JSON.stringify(port.active())).not.toContain('ada@');
    expect(JSON.stringify(port.active())).not.toContain('Ada');
    expect((await report(port, ok)).length).toBe(1);
  });
});
