import type { Clock } from '../base/time.ts';
import { type EnvironmentOptions, resolveEnvironment } from '../environment/config.ts';
import { environmentClock } from '../environment/environment-clock.ts';
import type { ProjectData } from '../features/define/declaration.ts';
import { checkMigration } from '../operating/migrate/migration-files.ts';
import { clearHistoryScratch } from '../site/history-files.ts';
import { declaredSets } from '../site/history-process.ts';
import { type CloseOptions, closeProject } from './close-project.ts';
import { insideOf, keepInside } from './inside.ts';
import { openProject } from './open-project.ts';
import { flushParts, type OpenProject, type ProjectPlace } from './opened-project.ts';
import { RunningFeatures } from './running-features.ts';

export interface OpenOptions {
  readonly project: ProjectData;
  /** Environment of the configuration; default: embedded, in `.headrace`. */
  readonly environment?: EnvironmentOptions;
  /** Epoch ms; default: the clock of the system, checked against the monotonic one and the last known time. A replay brings its own. */
  readonly clock?: Clock;
  /** For a replay: the same calls give the same figures, whatever the machine does meanwhile. One process may then use the directory. */
  readonly repeatable?: boolean;
  /** Receives failures behind a call: an on-demand function that throws, a background run that fails. */
  readonly onFault?: (error: unknown) => void;
}

/** Opens a project: its stores, caught up with its log, and its champions, loaded and warm. */
export async function openHeadrace(options: OpenOptions): Promise<Headrace> {
  const environment = resolveEnvironment('local', options.environment ?? {}, options.project.name);
  const onFault = options.onFault ?? (() => undefined);
  const { project, repeatable = false } = options;
  const clock = options.clock ?? environmentClock(environment.directory, { keeps: true });
  const headrace = await Headrace.open({ project, environment, clock, onFault, repeatable });
  // A process that serves features does not build training sets next to them.
  insideOf(headrace).training.trainSetsBy(declaredSets(environment, () => clearHistoryScratch(environment)));
  return headrace;
}

/** A running project: events in, features and predictions out, labels joined, models trained. */
export class Headrace extends RunningFeatures {
  readonly #open: OpenProject;
  #closing: Promise<void> | null = null;

  private constructor(open: OpenProject) {
    super(open);
    this.#open = keepInside(this, open);
  }

  /** Errors: MIGRATE_MOVED, MIGRATE_UNFINISHED, DECLARATION_*, those of the stores. */
  static async open(place: ProjectPlace): Promise<Headrace> {
    checkMigration(place.environment.directory);
    return new Headrace(await openProject(place));
  }

  /** Writes everything that was ingested and predicted to every store. */
  flush(): Promise<void> {
    return flushParts(this.#open.parts);
  }

  /**
   * Writes every accepted event to every store and closes them; a failing store does not keep another one open. After `withinMs`
   * connections are cut. Events that were not written are in the log, and are read from there at the next start. A second call returns
   * the outcome of the first. Error: CLOSE_UNFINISHED.
   */
  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= closeProject(this.#open, options);
    return this.#closing;
  }
}
