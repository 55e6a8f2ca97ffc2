/** A value's verdict: no change, a change that may come, a change. */
export type DetectorState = 'stable' | 'warning' | 'drift';

/**
 * Watches a stream of values, one at a time. After a change the whole state starts again before the next value, as in
 * river. A value that is not finite is left out: it says nothing about the stream, and would stay in every sum.
 */
export interface Detector {
  update(value: number): DetectorState;
  /** One in the same state, which is independent from here on; a random one shares its random numbers. */
  copy(): Detector;
}

/** A detector whose state, plain data, starts again after each change. */
export function restarting<State>(start: () => State, step: (state: State, value: number) => DetectorState): Detector {
  const detector = (first: State, firstEnded: boolean): Detector => {
    let [state, ended] = [first, firstEnded];
    return {
      update: (value) => {
        if (!Number.isFinite(value)) return 'stable';
        if (ended) state = start();
        const verdict = step(state, value);
        ended = verdict === 'drift';
        return verdict;
      },
      copy: () => detector(structuredClone(state), ended),
    };
  };
  return detector(start(), false);
}
