import { fail } from '../../../base/errors/fail.ts';
import { checkedCount } from './counts-on-grid.ts';
import type { Polarity, ReadTraceOptions, SpotTrace } from './spot-trace.ts';

/** A file that has been parsed, before its place and name are known. */
export type ParsedTrace = Omit<SpotTrace, 'name' | 'hardware'>;

/**
 * `{"metadata": {"gap_seconds": n}, "data": [count, …]}`. Two public data sets have this form with opposite meanings, so a file of
 * zeros and ones alone needs a proof. Errors: COST_TRACE, COST_TRACE_POLARITY, COST_TRACE_TWIN.
 */
export function parseTickCounts(path: string, text: string, options: ReadTraceOptions): ParsedTrace {
  const { gapS, data, said, startMs } = tickFile(path, text);
  const counts = new Uint16Array(data.length);
  let most = 0;
  for (let tick = 0; tick < data.length; tick += 1) {
    const count = checkedCount(path, Number(data[tick] ?? Number.NaN));
    counts[tick] = count;
    most = Math.max(most, count);
  }
  const { polarity, evidence } = provenPolarity(path, { gapS, counts, most, said }, options);
  return {
    family: 'tick-counts',
    gapS,
    counts: polarity === 'available' ? counts : counts.map((flag) => 1 - flag),
    evidence,
    startMs,
    faults: [],
    losses: null,
    lossesUnsorted: null,
  };
}

function tickFile(path: string, text: string) {
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    throw fail('COST_TRACE', { path, reason: 'it is not whole JSON' }, error);
  }
  const { metadata, data } = record(file);
  const { gap_seconds: gap, polarity, start_time: start } = record(metadata);
  if (!Array.isArray(data) || data.length === 0) throw fail('COST_TRACE', { path, reason: 'it has no array "data"' });
  if (typeof gap !== 'number' || !Number.isInteger(gap) || gap < 1 || gap > 86_400)
    throw fail('COST_TRACE', { path, reason: 'metadata.gap_seconds is no whole number of seconds from 1 to 86,400' });
  const wrong = data.findIndex((one) => typeof one !== 'number');
  if (wrong >= 0) throw fail('COST_TRACE', { path, reason: `data[${wrong}] is no number` });
  const startMs = typeof start === 'string' ? Date.parse(start) : Number.NaN;
  return {
    gapS: gap,
    data: data as readonly number[],
    said: polarity === 'available' || polarity === 'unavailable' ? (polarity as Polarity) : undefined,
    startMs: Number.isNaN(startMs) ? null : startMs,
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

interface Ticks {
  readonly gapS: number;
  readonly counts: Uint16Array;
  readonly most: number;
  readonly said: Polarity | undefined;
}

/** The meaning of the numbers, and how it is known. All that is known must agree. */
function provenPolarity(path: string, ticks: Ticks, { polarity, twin }: ReadTraceOptions) {
  const proofs: { readonly polarity: Polarity; readonly evidence: string }[] = [];
  if (ticks.most > 1)
    proofs.push({
      polarity: 'available',
      evidence: `it counts up to ${ticks.most} instances, so a number is running instances`,
    });
  if (twin !== undefined) proofs.push(twinProof(path, ticks, twin));
  if (ticks.said !== undefined) proofs.push({ polarity: ticks.said, evidence: 'its metadata says so' });
  if (polarity !== undefined) proofs.push({ polarity, evidence: 'the caller says so' });
  const [first] = proofs;
  if (first === undefined) throw fail('COST_TRACE_POLARITY', { path });
  const other = proofs.find((proof) => proof.polarity !== first.polarity);
  if (other !== undefined)
    throw fail('COST_TRACE_TWIN', {
      path,
      reason: `it is ${first.polarity} because ${first.evidence}, and ${other.polarity} because ${other.evidence}`,
    });
  return first;
}

/** Whether the twin has the same numbers, or the opposite ones, in every tick. */
function twinProof(path: string, { gapS, counts }: Ticks, twin: SpotTrace) {
  if (twin.counts.length !== counts.length || twin.gapS !== gapS)
    throw fail('COST_TRACE_TWIN', {
      path,
      reason: `it has ${counts.length} ticks of ${gapS} s, and ${twin.name} has ${twin.counts.length} of ${twin.gapS} s`,
    });
  const evidence = `all ${counts.length} ticks agree with ${twin.name}`;
  if (counts.every((count, tick) => count === twin.counts[tick])) return { polarity: 'available' as const, evidence };
  if (counts.every((count, tick) => count === 1 - (twin.counts[tick] ?? 0)))
    return { polarity: 'unavailable' as const, evidence };
  throw fail('COST_TRACE_TWIN', { path, reason: `${twin.name} is neither the same recording nor its opposite` });
}
