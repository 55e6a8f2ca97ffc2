import type { Comparison } from '../detect/comparison.ts';

/** A window without drift names the features that it could not judge: they are not ok. */
export function calmText({ verdict, features }: Comparison): string {
  const lacking = features.filter(({ state }) => state === 'insufficient');
  if (verdict === 'insufficient') return lacking[0]?.reason ?? 'no features';
  const moved = features.filter(({ state }) => state === 'inconclusive');
  if (moved.length > 0) return `inconclusive: ${moved.map(({ name, reason }) => `${name} (${reason})`).join(', ')}`;
  if (lacking.length === 0) return 'nothing moved';
  return `nothing moved; not judged: ${lacking.map(({ name, reason }) => `${name} (${reason})`).join(', ')}`;
}
