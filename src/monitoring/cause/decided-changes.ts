import type { PlaybookEntry } from '../../ports/playbook-store.ts';
import type { RolloutEvent } from '../../ports/rollout-store.ts';
import { actionText } from './decision-text.ts';
import type { TimeLineEntry } from './time-line.ts';

/** Actions of a playbook that change nothing that is served or trained. */
const NO_CHANGE: readonly string[] = ['openIncident', 'resolveIncident', 'wait'];

/** Steps of rollouts: start, canary, raises, holds, promotion, roll back. */
export function rolloutChanges(events: readonly RolloutEvent[]): TimeLineEntry[] {
  return events.map(({ at, kind, rollout, percent, by, reason }) => {
    const share = kind === 'canaried' || kind === 'raised' ? ` to ${percent} %` : '';
    return { at, kind: 'rollout', of: rollout, text: `${kind}${share} by ${by}${reason === '' ? '' : `: ${reason}`}` };
  });
}

/** Decisions of a playbook that act, and those of people about it. */
export function playbookChanges(model: string, entries: readonly PlaybookEntry[]): TimeLineEntry[] {
  return entries.flatMap((entry): TimeLineEntry[] => {
    const text = playbookText(entry);
    return text === null ? [] : [{ at: entry.at, kind: 'playbook', of: model, text }];
  });
}

function playbookText(entry: PlaybookEntry): string | null {
  switch (entry.kind) {
    case 'decided':
      return NO_CHANGE.includes(entry.action.do) ? null : `${actionText(entry)}: ${entry.reason}`;
    case 'finished':
      return entry.isDone ? null : `${entry.decision} failed: ${String(entry.result['message'])}`;
    case 'answered':
      return `${entry.by} ${entry.approve ? 'approved' : 'denied'} ${entry.decision}: ${entry.reason}`;
    case 'accepted':
      return `${entry.by} accepted ${entry.features.join(', ')}: ${entry.reason}`;
    case 'frozen':
    case 'thawed':
      return `${entry.by} ${entry.kind === 'frozen' ? 'froze' : 'thawed'} the playbook: ${entry.reason}`;
    default:
      return null;
  }
}
