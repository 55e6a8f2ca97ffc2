import { describe, expect, test } from 'vitest';
import { adwin } from '../../src/stats/detectors/adwin.ts';
import { bayesianOnline } from '../../src/stats/detectors/bayesian-online.ts';
import { cusum } from '../../src/stats/detectors/cusum.ts';
import type { Detector } from '../../src/stats/detectors/detector.ts';
import { hddmA } from '../../src/stats/detectors/hddm-a.ts';
import { hddmW } from '../../src/stats/detectors/hddm-w.ts';
import { pageHinkley } from '../../src/stats/detectors/page-hinkley.ts';
import { driftJson, sharedDrift } from './shared-drift.ts';

interface Stream {
  readonly bits?: string;
  readonly values?: readonly number[];
}

interface Expectation {
  readonly stream: string;
  readonly detector: string;
  readonly params: Record<string, number | boolean>;
  readonly expected: readonly number[];
  readonly status: string;
}

/** Indices of the values after which a detector reports a change. */
const changesOf = (detector: Detector, values: readonly number[]): readonly number[] =>
  values.flatMap((value, at) => (detector.update(value) === 'drift' ? [at] : []));

const valuesOf = ({ bits, values }: Stream): readonly number[] => values ?? Array.from(bits ?? '', Number);

function detectorOf({ detector, params }: Expectation): Detector | null {
  const own = Object.fromEntries(
    Object.entries({
      ...params,
      threshold: params['threshold'] ?? params['lambda'],
      minInstances: params['min_instances'],
    }).filter(([, value]) => typeof value === 'number'),
  );
  switch (detector) {
    case 'ADWIN':
      return adwin({ ...own, restart: params['reset_after_alarm'] !== false });
    case 'PageHinkley':
      return pageHinkley(own);
    case 'PageHinkley (frouros: no floor at 0, strict >)':
      return pageHinkley({ ...own, floor: false });
    case 'CUSUM':
      return cusum(own);
    case 'BOCD':
      return bayesianOnline({
        priorMean: Number(params['prior_mean']),
        priorVariance: Number(params['prior_var']),
        dataVariance: Number(params['data_var']),
        hazard: Number(params['hazard']),
      });
    case 'HDDM_A':
      return hddmA({ twoSided: params['two_sided'] === true });
    case 'HDDM_W':
      return hddmW({ twoSided: params['two_sided'] === true });
    default:
      return null;
  }
}

describe.skipIf(!sharedDrift)('river, frouros and scikit-multiflow report the same change points', () => {
  const known = sharedDrift
    ? driftJson<{ streams: Record<string, Stream>; expectations: Expectation[] }>('streams/detector_fixtures.json')
    : { streams: {}, expectations: [] };

  test('every fixture that must match, and none of the faulty older ones', () => {
    let compared = 0;
    for (const one of known.expectations) {
      const detector = detectorOf(one);
      if (detector === null) continue;
      const found = changesOf(detector, valuesOf(known.streams[one.stream]));
      if (one.status === 'match') {
        compared += 1;
        expect({ ...one, found }).toMatchObject({ found: one.expected });
      } else expect(found).not.toEqual(one.expected);
    }
    expect(compared).toBe(16);
  });

  test('errors of a frozen model on five concept-drift streams', () => {
    const { streams } = driftJson<{ streams: Record<string, { bits: string; detections: Record<string, number[]> }> }>(
      'streams/concept_drift_error_streams.json',
    );
    const detectors: Record<string, () => Detector> = {
      ADWIN: () => adwin(),
      HDDM_A: () => hddmA(),
      HDDM_W: () => hddmW(),
      PH50: () => pageHinkley(),
    };
    for (const [name, { bits, detections }] of Object.entries(streams))
      for (const [detector, make] of Object.entries(detectors))
        expect({ name, detector, found: changesOf(make(), Array.from(bits, Number)) }).toEqual({
          name,
          detector,
          found: detections[detector],
        });
  });
});

test('a value that is not finite changes nothing', () => {
  const values = Array.from({ length: 2000 }, (_, i) => (i < 1000 ? i % 2 : 4 + (i % 4)));
  for (const make of [() => adwin(), () => pageHinkley(), () => hddmA(), () => hddmW(), () => cusum()]) {
    const plain = make();
    const disturbed = make();
    const verdicts = values.map((value) => plain.update(value));
    const others = values.map((value) => {
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
        expect(disturbed.update(bad)).toBe('stable');
      return disturbed.update(value);
    });
    expect(others).toEqual(verdicts);
  }
});
