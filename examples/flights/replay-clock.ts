/** A clock that is where the replay is. */
export interface ReplayClock {
  readonly now: () => number;
  readonly set: (at: number) => void;
}

export function replayClock(start: number): ReplayClock {
  let at = start;
  return {
    now: () => at,
    set: (instant) => {
      at = instant;
    },
  };
}
