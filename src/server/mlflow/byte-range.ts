import type { ByteRange } from '../../ports/artifact-store.ts';
import { MlflowFault } from './fault.ts';

/** The one range of a header `range`; null: the whole. Several ranges are answered with the whole, as RFC 9110 allows. */
export function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | null {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (from === '' && to === '') return null;
  const last = sizeBytes - 1;
  const range =
    from === ''
      ? { from: Math.max(0, sizeBytes - Number(to)), to: last }
      : { from: Number(from), to: to === '' ? last : Math.min(Number(to), last) };
  if (range.from > range.to || range.from > last || (from === '' && Number(to) === 0))
    throw new MlflowFault('INVALID_RANGE', `The range ${header} is outside the ${sizeBytes} bytes of the artifact`);
  return range;
}
