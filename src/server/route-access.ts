import type { Scope } from '../operating/scopes.ts';

/** One thing that calls change; the audit log has a line for each of them, or they are kept where they go. */
interface ChangeKind {
  readonly text: string;
  readonly audited: boolean;
}

const acts = (text: string): ChangeKind => ({ text, audited: true });
/** Data that come at their own rate: each call is kept in full where it goes. */
const data = (text: string): ChangeKind => ({ text, audited: false });

/** Everything that a call to a route may change. */
export const changeKinds = {
  events: data('events of a source'),
  served: data('records of answers: logged predictions, sampled vectors, counts'),
  values: data('metrics, parameters, tags, inputs and outputs of a run'),
  sets: acts('training sets on the disk of the server'),
  runs: acts('experiments, runs and logged models'),
  versions: acts('registered models and versions: new ones, descriptions, tags'),
  standing: acts('aliases, stages, names and the existence of models and versions'),
  files: acts('artefacts by path'),
  webhooks: acts('webhooks'),
  entities: acts('everything that is stored of an entity'),
  views: acts('generations of a batch view'),
  champions: acts('the champion of a model'),
  rollouts: acts('the rollout of a model'),
  streams: acts('the versions that score a stream'),
  playbooks: acts('the playbook of a model'),
  alerts: acts('incidents, silences and deliveries'),
  jobs: acts('jobs of the server, and what they write'),
  labs: acts('labs of a demo, each in its own folder'),
  history: acts('the published end of the history'),
  loaded: acts('the models that a process serves'),
  memory: acts('regions of shared memory that a process reads'),
} as const satisfies Readonly<Record<string, ChangeKind>>;

export type Change = keyof typeof changeKinds;

/** The scopes that a route needs, and the change that a call makes. The check of keys, the audit log and the pages are made from it. */
export interface RouteAccess {
  /** Scopes that a key needs, all of them; null: no key is needed. */
  readonly scopes: readonly Scope[] | null;
  /** The change that a call may make; null: none. */
  readonly changes: Change | null;
  /** Scopes that some calls need in addition, and which calls. */
  readonly more?: Readonly<Partial<Record<Scope, string>>>;
}

/** Whether each call has a line in the audit log. */
export function isAudited({ changes }: Pick<RouteAccess, 'changes'>): boolean {
  return changes !== null && changeKinds[changes].audited;
}
