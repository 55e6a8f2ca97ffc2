import type { PlaybookActions } from '../../src/playbook/actions.ts';
import type { SeenMonitor, SeenWindow } from '../../src/ports/playbook-store.ts';
import type { Rollout } from '../../src/ports/rollout-store.ts';

export const DAY_MS = 86_400_000;
export const SCRIPT_START = Date.UTC(2026, 0, 5);

/** Days of the script. */
export const SCRIPT_DAYS = 22;

type Seen = Awaited<ReturnType<PlaybookActions['observe']>>;

function windowAt(day: number, state: string, changes: Partial<SeenWindow> = {}): SeenWindow {
  const from = SCRIPT_START + (day - 1) * DAY_MS;
  return {
    from,
    to: from + DAY_MS,
    rows: 400,
    state,
    reason: state,
    faults: [],
    drifted: [],
    changedAt: null,
    ...changes,
  };
}

/** A monitor in a state, with its newest window. */
function monitorAt(
  day: number,
  kind: SeenMonitor['kind'],
  version: number,
  state: string,
  changes: Partial<SeenWindow> = {},
): SeenMonitor {
  return { kind, version, state, reason: state, metric: 'brier', windows: [windowAt(day, state, changes)] };
}

/**
 * What is found on a day: a fault that ends, drift of features and scores, a rise of the loss whose first new version breaches
 * in its soak and whose second one stays.
 */
export function observationAt(day: number, champion: number | null, rollout: Rollout | null): Seen {
  const version = champion ?? 0;
  const faults = [{ kind: 'missing', columns: ['gaps'], text: 'missing in 40 % of rows' }];
  const isFaulty = day === 1 || day === 2;
  const isTurned = version === 1 && day >= 6;
  const features = isFaulty
    ? monitorAt(day, 'featureDrift', version, 'fault', { faults })
    : monitorAt(day, 'featureDrift', version, day === 4 ? 'drift' : 'ok');
  const scores = monitorAt(day, 'predictionDrift', version, day === 4 ? 'drift' : 'ok');
  const changedAt = SCRIPT_START + 2 * DAY_MS;
  const losses = monitorAt(day, 'conceptDrift', version, isTurned ? 'drift' : 'ok', isTurned ? { changedAt } : {});
  return { champion, monitors: [features, scores, losses], rollout: rollout === null ? null : seenRollout(rollout) };
}

function seenRollout({ id, state, champion, candidate, since, reason }: Rollout) {
  const isBreach = state === 'soaking' && candidate === 2;
  return {
    id,
    state,
    champion,
    candidate,
    since,
    isLastStep: false,
    reason,
    breach: isBreach ? 'the loss is 0.4, 0.2 was to be expected' : null,
    paired: null,
  };
}
