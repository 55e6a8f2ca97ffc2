import { isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { playbookPlan } from '../features/define/playbook.ts';
import { FOUND_KINDS } from '../findings/incident-kinds.ts';
import type { Judge } from '../findings/judge.ts';
import type { IncidentPort } from '../ports/incident.ts';
import type { RunningPlaybooks } from '../running/run-monitor.ts';
import type { CommonOptions } from './command.ts';
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

/** Leaves findings to the monitor: one incident a cause. */
function ownIncidents(incidents: IncidentPort): IncidentPort {
  return {
    open: (incident) => (FOUND_KINDS.includes(incident.kind) ? 'updated' : incidents.open(incident)),
    update: (fingerprint, change) => incidents.update(fingerprint, change),
    resolve: (fingerprint, resolution) =>
      FOUND_KINDS.some((kind) => fingerprint.split('/')[1] === kind)
        ? undefined
        : incidents.resolve(fingerprint, resolution),
    active: () => incidents.active(),
  };
}

/** Opens the playbooks of a project, to be run after each judgement. */
export async function runPlaybooks(
  call: CommonOptions,
  place: { readonly project: ProjectData; readonly environment: Environment },
  { report, wait, incidents, judge }: RunPlaybooksOptions,
): Promise<RunningPlaybooks> {
  const onFault = (error: unknown) => {
    report(`headrace: ${reasonOf(error)}`);
    if (isHeadraceError(error)) report(`  ${error.hint}`);
  };
  const { playbooks, worldOf, stop, close } = await openPlaybooksOf(call, place, onFault, {
    incidents: ownIncidents(incidents),
    judge,
  });
  const running = place.project.models
    .filter((model) => playbookPlan(model) !== null)
    .map(({ name }) => playbooks.named(name, worldOf));
  return {
    step: async (at) => {
      for (const playbook of running) await playbook.step({ at, wait }).catch(onFault);
    },
    close: async () => {
      stop();
      for (const playbook of running) await playbook.settled();
      await close();
    },
  };
}
