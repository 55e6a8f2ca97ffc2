import {
  type ClockRepair,
  findClockAhead,
  type RepairClockOptions,
  repairClock,
  type TopicAhead,
} from '../operating/repair-clock.ts';
import type { Headrace } from './headrace.ts';
import { insideOf } from './inside.ts';
import { flushParts } from './opened-project.ts';

/** Finds the records of a project's log whose ingest times are still to come. Errors: CLOCK_AHEAD, CLOCK_BEHIND, those of the log. */
export function clockAheadOf(headrace: Headrace): Promise<readonly TopicAhead[]> {
  return findClockAhead(optionsOf(headrace));
}

/** Repairs the log of a project that a clock ahead has written. Errors: CLOCK_AHEAD, CLOCK_BEHIND, those of the stores. */
export function repairClockOf(headrace: Headrace): Promise<ClockRepair> {
  return repairClock(optionsOf(headrace));
}

function optionsOf(headrace: Headrace): RepairClockOptions {
  const { project, stores, features, models, streams, profiles, rowsOf, clock, parts } = insideOf(headrace);
  const topics = [...models.topics(), ...streams.topics(), ...profiles.topics()];
  const computesTiles = features.facts.makesTiles;
  return {
    log: stores.log,
    features,
    sources: project.sources,
    views: computesTiles ? project.views.filter((view) => view.kind === 'streamView') : [],
    otherTopics: topics.map(({ topic }) => topic),
    rowsOf,
    clock,
    flush: () => flushParts(parts),
  };
}
