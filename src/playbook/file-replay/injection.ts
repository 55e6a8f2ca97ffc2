import { fail } from '../../base/errors/fail.ts';
import type { ReplayFeature } from './replay-rows.ts';

/** A fault that a replay injects: a feature in another unit for a span, or a version whose scores say the opposite. */
export type Injection =
  | {
      readonly kind: 'unit';
      readonly feature: string;
      readonly factor: number;
      readonly from: number;
      readonly to: number;
    }
  | { readonly kind: 'spoiled'; readonly at: number };

const UNIT = /^([A-Za-z0-9_]{1,100})\*([0-9.]{1,20})@([^/]{4,40})\/([^/]{4,40})$/;

/** Reads `delay*60@2001-05-10/2001-05-20` or `spoiled@2001-04-10`. Error: DRIFT_OPTION. */
export function parseInjection(text: string): Injection {
  const refuse = (reason: string) => fail('DRIFT_OPTION', { option: 'inject', value: text, reason });
  const at = (written: string) => {
    const time = Date.parse(written);
    if (Number.isNaN(time)) throw refuse(`"${written}" is no instant`);
    return time;
  };
  if (text.startsWith('spoiled@')) return { kind: 'spoiled', at: at(text.slice('spoiled@'.length)) };
  const [, feature, factor, from, to] = UNIT.exec(text) ?? [];
  if (feature === undefined) throw refuse('write feature*60@2001-05-10/2001-05-20, or spoiled@2001-04-10');
  if (!(Number(factor) > 0)) throw refuse(`"${factor}" is no factor`);
  return { kind: 'unit', feature, factor: Number(factor), from: at(from), to: at(to) };
}

/** Multiplies the values of a span in place. Error: DRIFT_OPTION, where the file has no such number. */
export function injectUnit(features: readonly ReplayFeature[], at: Float64Array, injection: Injection): void {
  if (injection.kind !== 'unit') return;
  const values = features.find(({ name }) => name === injection.feature)?.values;
  if (!(values instanceof Float64Array)) {
    const reason = `the file has no number "${injection.feature}"`;
    throw fail('DRIFT_OPTION', { option: 'inject', value: injection.feature, reason });
  }
  for (let i = 0; i < values.length; i += 1)
    if (at[i] >= injection.from && at[i] < injection.to) values[i] *= injection.factor;
}
