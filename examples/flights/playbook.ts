import { type Headrace, playbookLog } from 'headrace';
import type { RunCheck } from './checks.ts';
import { lateDeparture } from './declaration.ts';

const DAY_MS = 86_400_000;

/** A look reads every loss of the version so far: a long run looks in its first weeks alone. */
const LOOKS_MS = 28 * DAY_MS;

/** The playbook of a replay: it looks at each day's begin, or each week's in a long run, and decides in a dry run. */
export function playbook(headrace: Headrace, { from, days }: { readonly from: number; readonly days: number }) {
  const everyMs = (days > 30 ? 7 : 1) * DAY_MS;
  const own = headrace.playbook(lateDeparture);
  return {
    /** Looks, where it is due at an instant of the replay. */
    at: async (now: number): Promise<void> => {
      const passed = now - from;
      if (passed > 0 && passed <= LOOKS_MS && passed % everyMs === 0) await headrace.monitor({ wait: true });
    },
    /** The decision log, and whether the same decisions follow from the journal. */
    finish: async (): Promise<{ readonly log: readonly string[]; readonly checks: readonly RunCheck[] }> => {
      const { entries, decisions, different } = await headrace.replayPlaybook(lateDeparture, { history: false });
      const found = `${decisions} decisions of ${entries} entries, ${different.length} differ`;
      return {
        log: playbookLog(await own.journal.entries()),
        checks: [{ name: 'the same decisions follow from the journal', passed: different.length === 0, found }],
      };
    },
  };
}
