import { isHeadraceError } from '../base/errors/fail.ts';
import { reasonOf } from '../base/reason-of.ts';
import type { Environment } from '../environment/config.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { playbookPlan } from '../features/define/playbook.ts';
import type { IncidentKind, IncidentPort } from '../ports/incident.ts';
import type { Call } from './command.ts';
import { openPlaybooksOf } from './playbook-stores.ts';

/** The playbooks of a project while a process monitors it. */
export interface RunningPlaybooks {
  /** One step of each. A playbook that fails is reported, and the others take theirs. */
  step(): Promise<void>;
  /** Cancels trainings under way, and ends with them. */
  close(): Promise<void>;
}

export interface RunPlaybooksOptions {
  readonly report: (line: string) => void;
  /** Whether a step ends with its trainings. */
  readonly wait: boolean;
  /** Receives the incidents that are no findings of the monitor: it opens and resolves its own by itself. */
  readonly incidents: IncidentPort;
}

/** Kinds of incidents that the monitor opens from the same findings. */
const FOUND: readonly IncidentKind[] = ['qualityFault', 'dataDrift', 'predictionDrift', 'conceptDrift'];

/** Leaves findings to the monitor: one incident a cause. */
function ownIncidents(incidents: IncidentPort): IncidentPort {
  return {
    open: (incident) => (FOUND.includes(incident.kind) ? 'updated' : incidents.open(incident)),
    update: (fingerprint, change) => incidents.update(fingerprint, change),
    resolve: (fingerprint, resolution) =>
      FOUND.some((kind) => fingerprint.split('/')[1] === kind) ? undefined : incidents.resolve(fingerprint, resolution),
    active: () => incidents.active(),
  };
}

/** Opens the playbooks of a project, to be run after each judgement. */
export async function runPlaybooks(
  call: Pick<Call, 'options'>,
  place: { readonly project: ProjectData; readonly environment: Environment },
  { report, wait, incidents }: RunPlaybooksOptions,
): Promise<RunningPlaybooks> {
  const onFault = (error: unknown) => {
    report(`headrace: ${reasonOf(error)}`);
    if (isHeadraceError(error)) report(`  ${error.hint}`);
  };
  const { playbooks, worldOf, stop, close } = await openPlaybooksOf(call, place, onFault, ownIncidents(incidents));
  const running = place.project.models
    .filter((model) => playbookPlan(model) !== null)
    .map(({ name }) => playbooks.named(name, worldOf));
  return {
    step: async () => {
      for (const playbook of running) await playbook.step({ wait }).catch(onFault);
    },
    close: async () => {
      stop();
      for (const playbook of running) await playbook.settled();
      await close();
    },
  };
}
