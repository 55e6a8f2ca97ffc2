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

/** Answers of river's own rule where those of the data follow another start of the mean. */
const RIVER_HDDM_W: Readonly<Record<string, readonly number[]>> = {
  sine_3210_gradual: [5818, 6142, 6593],
  stagger_0120_gradual: [4506, 6277],
  stagger_2102_abrupto: [6000, 6862, 7042, 8924, 11135, 11896],
};

/** The stream of the example in river's documentation of HDDMW: a 1, and 2,000 bits. A warning is at 451, a change at 1077. */
const RIVER_EXAMPLE = `18e136c8fdf80874fc1a8b318f746b6f1cc65334459360e205be053cf74cb74931cfac5a61b1f1e35f5eb486ba8b57c980f4619b8252c65fff1e0991
f1dc10940b1be1b6c6b762ded9692595d2aa0c702eb0a4ae9bc826fde33c07e5b0d7178ed66cb6bd732c6bb9ea97ce79b47341c643b756ff993eb2fd
5f1cc44e8237cfa535094fdbef93fbebba9fbfe9ffb3babf1babb457d3f3ebf5f8effe675fff1e75f2fdffffcc5daeebffbe76ad96f363cbb4daff3f
b7d87af7ffbdfbb7d9fff3cdbdeff17dfbfdc3f6ebf3fde37ef0d7fbafffadbf67f6f7fbfba97e3dfe51f3f3aeddafdefaff57e27bd23d9fa8fe6d76
5f7f5affff70f5bc3657f`;

/** Seed of the generator, shares of ones in equal parts of 4,000 bits, and the alarms of river, one-sided and two-sided. */
const RIVER_STREAMS: readonly (readonly [number, readonly number[], readonly number[], readonly number[]])[] = [
  [1, [0.02, 0.2, 0.05], [], [278]],
  [2, [0.3, 0.6, 0.1, 0.5], [1019, 1795, 3029, 3432], [715, 1029, 1795, 1933, 2042, 2129, 3029, 3432]],
  [3, [0.1, 0.9], [2013], [121, 315, 2013]],
  [4, [0, 0.3, 0, 0.4], [1001, 3004], [1001, 2028, 3004]],
  [5, [0.5, 0.2, 0.7, 0.1], [719, 2009], [340, 1017, 1839, 2009, 3006]],
];

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
          found: (detector === 'HDDM_W' ? RIVER_HDDM_W[name] : undefined) ?? detections[detector],
        });
  });
});

test('HDDM_W alarms where river does: its documented example, and streams of a generator', () => {
  const detector = hddmW();
  const bits = Array.from(
    BigInt(`0x${RIVER_EXAMPLE.replaceAll('\n', '')}`)
      .toString(2)
      .slice(1),
    Number,
  );
  const verdicts = bits.map((bit) => detector.update(bit));
  expect([verdicts.indexOf('warning'), verdicts.flatMap((one, i) => (one === 'drift' ? [i] : []))]).toEqual([
    451,
    [1077],
  ]);
  for (const [seed, shares, oneSided, twoSided] of RIVER_STREAMS) {
    let state = seed;
    const stream = Array.from({ length: 4000 }, (_, i) => {
      state = Number((1_103_515_245n * BigInt(state) + 12_345n) % 2n ** 31n);
      return state / 2 ** 31 < shares[Math.floor((i * shares.length) / 4000)] ? 1 : 0;
    });
    expect([changesOf(hddmW(), stream), changesOf(hddmW({ twoSided: true }), stream)]).toEqual([oneSided, twoSided]);
  }
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
