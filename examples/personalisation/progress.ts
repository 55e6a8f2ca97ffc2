/** A line of progress comes this often at most. */
const EVERY_MS = 10_000;

/** Says how many events are taken of about `expected`, and how long the others will take at the pace so far. */
export function fillProgress(
  expected: number,
  say: (text: string) => void,
  now: () => number,
): (events: number) => void {
  const started = now();
  let said = started;
  return (events) => {
    const at = now();
    if (at - said < EVERY_MS) return;
    said = at;
    const taken = events.toLocaleString('en');
    const left = ((at - started) / events) * (expected - events);
    if (left > 0) say(`${taken} of about ${expected.toLocaleString('en')} events, ${timeText(left)} left`);
    else say(`${taken} events; those of the last minutes are coming`);
  };
}

/** A time in minutes, or in seconds below two minutes. */
function timeText(ms: number): string {
  return ms < 120_000 ? `${Math.ceil(ms / 1_000)} s` : `${Math.ceil(ms / 60_000)} min`;
}
