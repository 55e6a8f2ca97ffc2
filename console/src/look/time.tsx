import { NONE, timeText } from './format.ts';

/** An instant in the zone of the viewer; UTC shows on hover. */
export function Time({ at }: { readonly at: number | null | undefined }) {
  if (at === null || at === undefined) return <>{NONE}</>;
  const utc = new Date(at).toISOString();
  return (
    <time dateTime={utc} title={`${utc.replace('T', ' ').slice(0, 19)} UTC`}>
      {timeText(at)}
    </time>
  );
}
