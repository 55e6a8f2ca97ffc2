import type { PlaybookEntry } from '../../ports/playbook-store.ts';

/** The decision log: one line an entry that somebody decided or said, in the order of the journal. */
export function logLines(entries: readonly PlaybookEntry[]): readonly string[] {
  return entries.flatMap((entry) => {
    const head = `${minuteText(entry.at)} ${String(entry.revision).padStart(4)}`;
    switch (entry.kind) {
      case 'decided':
        return [`${head} tier ${entry.tier} ${actionText(entry)}: ${entry.reason}`];
      case 'finished':
        return entry.isDone ? [] : [`${head} ${entry.decision} failed: ${String(entry.result['message'])}`];
      case 'answered':
        return [`${head} ${entry.by} ${entry.approve ? 'approved' : 'denied'} ${entry.decision}: ${entry.reason}`];
      case 'accepted':
        return [`${head} ${entry.by} accepted ${entry.features.join(', ')}: ${entry.reason}`];
      case 'frozen':
      case 'thawed':
        return [`${head} ${entry.by} ${entry.kind === 'frozen' ? 'froze' : 'thawed'} it: ${entry.reason}`];
      default:
        return [];
    }
  });
}

/** A decision, in a few words. */
export function actionText({ action }: Extract<PlaybookEntry, { kind: 'decided' }>): string {
  switch (action.do) {
    case 'openIncident':
      return `open ${action.incident.fingerprint} (${action.incident.severity})`;
    case 'resolveIncident':
      return `resolve ${action.fingerprint}`;
    case 'stopFeatures':
      return `stop ${action.features.join(', ')}`;
    case 'tryRemedy':
      return `measure the declared value of ${action.features.join(', ')}`;
    case 'applyRemedy':
      return `put the declared value of ${action.features.join(', ')} in`;
    case 'refuseRemedy':
      return `leave ${action.features.join(', ')} as it is`;
    case 'releaseFeatures':
      return `release ${action.features.join(', ')}`;
    case 'audit':
      return `draw ${action.size} predictions`;
    case 'ask':
      return `ask for the ${action.step}`;
    case 'answer':
      return `${action.approve ? 'approve' : 'deny'} the ${action.step}, unanswered`;
    case 'gate':
      return `compare version ${action.version} with ${action.champion}`;
    case 'rollOut':
      return `roll out version ${action.version}`;
    case 'rollBack':
      return `roll back ${action.rollout}`;
    case 'pass':
      return `let ${action.rollout} out of the shadow`;
    case 'end':
      return `end ${action.outcome}`;
    case 'wait':
      return `wait (${action.why})`;
    default:
      return action.do;
  }
}

/** An instant to the minute, UTC. */
export function minuteText(at: number): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ');
}
