import { actionText } from '../../monitoring/cause/decision-text.ts';
import type { Injection } from './injection.ts';
import type { ReplayDeclaration } from './replay-declaration.ts';
import type { ReplayedProject } from './replayed-project.ts';

/** A line of a decision log. */
export interface DecisionRow {
  /** Epoch ms. */
  readonly at: number;
  readonly by: 'playbook' | 'rollout' | 'injected';
  /** 0 to 4; null: of a rollout's own rules. */
  readonly tier: number | null;
  readonly evidence: string;
  readonly action: string;
}

/** Decisions of the playbook and changes of rollouts, by time; with the faults that the replay injected, labelled as such. */
export async function decisionLog(
  { headrace, stores }: ReplayedProject,
  { model }: ReplayDeclaration,
  injections: readonly Injection[],
): Promise<readonly DecisionRow[]> {
  const entries = await headrace.playbook(model).journal.entries();
  const decided = entries.flatMap((entry): readonly DecisionRow[] => {
    if (entry.kind === 'finished' && !entry.isDone)
      return [
        {
          at: entry.at,
          by: 'playbook',
          tier: null,
          evidence: String(entry.result['message']),
          action: `failed: ${entry.decision}`,
        },
      ];
    if (entry.kind !== 'decided') return [];
    return [{ at: entry.at, by: 'playbook', tier: entry.tier, evidence: entry.reason, action: actionText(entry) }];
  });
  const { rollouts } = stores;
  const all = await rollouts.list(model.name);
  const moved: DecisionRow[] = [];
  for (const { id, candidate } of all.toReversed())
    for (const { at, kind, percent, reason } of await rollouts.events(id))
      if (kind !== 'tuned')
        moved.push({
          at,
          by: 'rollout',
          tier: null,
          evidence: reason,
          action: `version ${candidate} ${kind} (${percent} %)`,
        });
  const injected = injections.flatMap((one): readonly DecisionRow[] =>
    one.kind === 'unit'
      ? [
          {
            at: one.from,
            by: 'injected',
            tier: null,
            evidence: 'injected',
            action: `${one.feature} times ${one.factor}`,
          },
          { at: one.to, by: 'injected', tier: null, evidence: 'injected', action: `${one.feature} as it was` },
        ]
      : [],
  );
  return [...injected, ...decided, ...moved]
    .sort((a, b) => a.at - b.at)
    .map((row) => ({ ...row, evidence: lasting(row.evidence, headrace.directory) }));
}

/** A text without the folder and the process of this replay: another one says the same. */
function lasting(text: string, directory: string): string {
  return text.replaceAll(directory, '').replaceAll(/-\d{1,10}\/training-set/g, '/training-set');
}

/** The line of a decision, for people. */
export function decisionLine({ at, tier, by, evidence, action }: DecisionRow): string {
  const who = tier === null ? by : `tier ${tier}`;
  return `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}  ${who.padEnd(8)}  ${action}: ${evidence}`;
}
