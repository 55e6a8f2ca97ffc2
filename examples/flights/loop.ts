import { type Headrace, playbookLog } from 'headrace';
import type { RunCheck } from './checks.ts';
import type { answeredLateDeparture } from './declaration.ts';
import type { RunRollout } from './rollouts.ts';

const HOUR_MS = 3_600_000;

/** How often the playbook looks while nothing is under way, and while it answers. */
const CALM_MS = 6 * HOUR_MS;
const ANSWERING_MS = 2 * HOUR_MS;

/** The loop of a replay, which the playbook closes by itself: incident, training, gate, shadow, canary, promotion. */
export interface Loop {
  /** What it does now, for the progress. */
  readonly doing: () => string;
  readonly finished: readonly RunRollout[];
  /** Looks, where it is due at an instant of the replay, whose clock stands still meanwhile. */
  readonly at: (now: number) => Promise<void>;
  readonly finish: () => Promise<{ readonly log: readonly string[]; readonly checks: readonly RunCheck[] }>;
}

export function loop(
  headrace: Headrace,
  model: typeof answeredLateDeparture,
  { from, say }: { readonly from: number; readonly say: (text: string) => void },
): Loop {
  const own = headrace.playbook(model);
  const control = headrace.rollout(model);
  const finished: RunRollout[] = [];
  let log: readonly string[] = [];
  let isAnswering = false;
  let shown = { rollout: '', events: 0, isOver: false };
  let doing = 'serves version 1';

  const step = async () => {
    await headrace.monitor({ wait: true });
    const lines = playbookLog(await own.journal.entries());
    for (const line of lines.slice(log.length)) say(line);
    log = lines;
    const state = await own.journal.state();
    isAnswering = state.response !== null;
    if (isAnswering)
      doing = `answers the drift: ${state.response?.version == null ? 'trains' : `judges version ${state.response.version}`}`;
    else doing = `serves version ${(await headrace.versions(model)).champion ?? 1}`;
  };
  const look = async () => {
    const before = await control.status();
    if (before?.rollout.endedAt === null) {
      await control.settled();
      await control.look({ outcomes: 'again' });
    }
    const status = await control.status();
    if (status !== null) show(status);
  };
  /** Prints the new events of the newest rollout, and notes its end once. */
  const show = ({ rollout, events }: NonNullable<Awaited<ReturnType<typeof control.status>>>) => {
    const { id, candidate: version, state, reason, endedAt } = rollout;
    if (shown.rollout !== id) shown = { rollout: id, events: 0, isOver: false };
    const lines = events
      .slice(shown.events)
      .filter(({ kind }) => kind !== 'tuned')
      .map(({ at, kind, percent, reason: why }) => `${minuteText(at)} rollout ${kind} (${percent} %): ${why}`);
    for (const line of new Set(lines)) say(line);
    if (endedAt === null) doing = `version ${version}: ${state}`;
    else if (!shown.isOver) finished.push({ version, trainedOn: 'the rows since the drift', state, reason });
    shown = { rollout: id, events: events.length, isOver: endedAt !== null };
  };
  return {
    finished,
    doing: () => doing,
    at: async (now) => {
      if (now <= from || now % (isAnswering ? ANSWERING_MS : CALM_MS) !== 0) return;
      await look();
      await step();
    },
    finish: async () => {
      const { entries, decisions, different } = await headrace.replayPlaybook(model, { history: false });
      return {
        log,
        checks: [
          {
            name: 'the same decisions follow from the journal',
            passed: different.length === 0,
            found: `${decisions} decisions of ${entries} entries, ${different.length} differ`,
          },
          cameRound(log, finished),
        ],
      };
    },
  };
}

/** Whether a drift was found, and a version that was trained for it is champion. */
function cameRound(log: readonly string[], finished: readonly RunRollout[]): RunCheck {
  const incident = log.find((line) => line.includes(' open ') && line.includes('/conceptDrift/'));
  const promoted = finished.find(({ state }) => state === 'completed');
  return {
    name: 'the loop came round: drift, retraining, canary, promotion',
    passed: incident !== undefined && promoted !== undefined,
    found: `${incident === undefined ? 'no drift' : incident.trim().slice(0, 16)}, ${promoted === undefined ? 'no promotion' : `version ${promoted.version} is champion`}`,
  };
}

function minuteText(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}
