import { isHeadraceError } from '../../base/errors/fail.ts';
import { reasonOf } from '../../base/reason-of.ts';
import { playbookPlan } from '../../features/define/playbook.ts';
import type { Judge } from '../../findings/judge.ts';
import { unfoundIncidents } from '../../findings/unfound-incidents.ts';
import type { IncidentPort } from '../../ports/incident.ts';
import type { RunningPlaybooks } from '../../running/run-monitor.ts';
import type { Site } from '../../site/site.ts';
import type { CommonOptions } from '../command.ts';
import { openPlaybooksOf } from './playbook-stores.ts';

export interface RunPlaybooksOptions {
  readonly report: (line: string) => void;
  /** Whether a step ends with its trainings. */
  readonly wait: boolean;
  /** Receives the incidents that are no findings of the monitor: it opens and resolves its own by itself. */
  readonly incidents: IncidentPort;
  /** Judges the findings that they answer. */
  readonly judge: Judge;
}

/** Opens the playbooks of a project, to be run after each judgement; null: it declares none. */
export async function runPlaybooks(
  call: CommonOptions,
  site: Site,
  { report, wait, incidents, judge }: RunPlaybooksOptions,
): Promise<RunningPlaybooks | null> {
  const declared = site.project.models.filter((model) => playbookPlan(model) !== null);
  if (declared.length === 0) return null;
  const onFault = (error: unknown) => {
    report(`headrace: ${reasonOf(error)}`);
    if (isHeadraceError(error)) report(`  ${error.hint}`);
  };
  const { playbooks, worldOf, stop } = await openPlaybooksOf(call, site, onFault, {
    incidents: unfoundIncidents(incidents),
    judge,
  });
  const running = declared.map(({ name }) => playbooks.named(name, worldOf));
  return {
    step: async (at) => {
      for (const playbook of running) await playbook.step({ at, wait }).catch(onFault);
    },
    close: async () => {
      stop();
      for (const playbook of running) await playbook.settled();
    },
  };
}
