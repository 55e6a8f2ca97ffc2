import { isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Decided, Finished } from '../ports/playbook-store.ts';
import type { PlaybookActions } from './actions.ts';

type Outcome = Pick<Finished, 'isDone' | 'result'>;

/** Actions whose failure is an outcome: the response continues from it. The others are tried again at the next step. */
const MAY_FAIL = ['tryRemedy', 'retrain', 'gate', 'rollOut'];

/** Does what was decided. Errors: those of actions that are tried again. */
export async function performed(actions: PlaybookActions, decided: Decided): Promise<Outcome> {
  try {
    return { isDone: true, result: await resultOf(actions, decided) };
  } catch (error) {
    // A process that ends cancels its work: the next one does it.
    if (!MAY_FAIL.includes(decided.action.do) || isHeadraceError(error, 'JOB_CANCELLED')) throw error;
    const code = isHeadraceError(error) ? error.code : 'UNKNOWN';
    // The next training waits until the rows that this one lacked are there.
    const rows = isHeadraceError(error, 'PLAYBOOK_ROWS') ? error.facts['rows'] : null;
    const counted = typeof rows === 'number' ? { rows } : {};
    return { isDone: false, result: { code, message: reasonOf(error), ...counted } };
  }
}

async function resultOf(
  actions: PlaybookActions,
  { id, action, reason, thresholds }: Decided,
): Promise<Outcome['result']> {
  switch (action.do) {
    case 'openIncident':
      return { was: await actions.incidents.open(action.incident) };
    case 'resolveIncident':
      await actions.incidents.resolve(action.fingerprint, { at: action.at, reason });
      return {};
    case 'audit':
      return { ...(await actions.audit(id, action)) };
    case 'retrain':
      return { ...(await actions.retrain(id, action)) };
    case 'tryRemedy':
      return { ...(await actions.tryRemedy(id, action)) };
    case 'gate':
      return { ...(await actions.gate(id, action, thresholds)) };
    case 'rollOut':
      await actions.rollOut(id, action, reason);
      return { rollout: id };
    case 'rollBack':
      await actions.rollBack(action, reason);
      return {};
    default:
      return {};
  }
}
