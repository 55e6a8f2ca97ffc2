import { compareText } from '../../base/text-order.ts';
import type { TraceFacts } from '../analysis/trace-facts.ts';
import { percent } from '../rules/rule.ts';
import { joinRanks, type RankJoin } from './ranks.ts';
import { ranksApart } from './same-job.ts';

/** The traces of one job: its ranks in order, or one file alone. The GPUs of a file stay together, the busiest first. */
export interface TracedJob {
  readonly files: readonly (readonly TraceFacts[])[];
  /** The ranks joined at their collectives; undefined for one file, or without collectives in common. */
  readonly join: RankJoin | undefined;
  /** Which other file may be the rank instead; undefined if the traces tell the ranks of this job from those of others. */
  readonly doubt: string | undefined;
}

/** The jobs of a set of traces, and which files nothing in the traces could join or tell apart. */
export interface TracedJobs {
  readonly jobs: readonly TracedJob[];
  readonly notes: readonly string[];
}

/** Another file of the same rank is no rival if its collectives end this many times as far away. */
const CLEARLY_NEARER = 3;
const LISTED = 4;

/**
 * Joins the ranks of a job: recordings of different ranks that overlap in time, whose collectives are the same and end
 * together. The nearest ones are joined first. Every other recording is a separate job: steps of one length join nothing.
 * The order of files has no effect.
 */
export function tracedJobs(given: readonly (readonly TraceFacts[])[]): TracedJobs {
  const files = given.filter(({ length }) => length > 0).toSorted(byRank);
  const distances = distancesOf(files.map(([main]) => main));
  const groups = joined(files.length, distances);
  const jobs = groups.map((group): TracedJob => {
    const own = group.map((file) => files[file]);
    return { files: own, join: joinRanks(own.map(([main]) => main)), doubt: doubtOf(group, files, distances) };
  });
  const unjoined = unjoinedNote(groups, files, distances);
  return {
    jobs,
    notes: [...jobs.flatMap(({ doubt }) => doubt ?? []), ...(unjoined === undefined ? [] : [unjoined])],
  };
}

type Distances = readonly (readonly (number | undefined)[])[];

function distancesOf(files: readonly TraceFacts[]): Distances {
  const rows = files.map((): (number | undefined)[] => []);
  for (const [at, one] of files.entries())
    for (let before = 0; before < at; before += 1) rows[at][before] = rows[before][at] = ranksApart(files[before], one);
  return rows;
}

function byRank([a]: readonly TraceFacts[], [b]: readonly TraceFacts[]): number {
  return (a.trace.rank ?? -1) - (b.trace.rank ?? -1) || compareText(a.file, b.file);
}

/** Groups of files, by index: the two nearest are merged until none are left that may be one job. */
function joined(count: number, distances: Distances): readonly (readonly number[])[] {
  const groups = Array.from({ length: count }, (_, file): readonly number[] => [file]);
  const rows = distances.map((row) => [...row]);
  for (;;) {
    const [a, b] = nearest(groups, rows);
    if (a < 0) return groups.filter(({ length }) => length > 0);
    groups[a] = [...groups[a], ...groups[b]].sort((one, other) => one - other);
    groups[b] = [];
    for (const [other] of groups.entries()) rows[a][other] = rows[other][a] = farther(rows[a][other], rows[b][other]);
  }
}

function nearest(groups: readonly (readonly number[])[], rows: Distances): readonly [number, number] {
  let best = Infinity;
  let found: readonly [number, number] = [-1, -1];
  for (let a = 0; a < groups.length; a += 1)
    for (let b = a + 1; b < groups.length && groups[a].length > 0; b += 1) {
      const apart = groups[b].length > 0 ? (rows[a][b] ?? Infinity) : Infinity;
      if (apart >= best) continue;
      best = apart;
      found = [a, b];
    }
  return found;
}

/** Ranks that share no collective with each other may be joined by a third; ranks of two jobs may not. */
function farther(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : b === undefined ? a : Math.max(a, b);
}

/** Another file of a rank of the job whose collectives fit the other ranks nearly as well. */
function doubtOf(group: readonly number[], files: TracedJob['files'], distances: Distances): string | undefined {
  const doubts = group.flatMap((own) => {
    const others = group.filter((file) => file !== own);
    const apart = (file: number) =>
      others.reduce<number | undefined>((most, other) => farther(most, distances[file][other]), undefined);
    const ownApart = apart(own);
    return files.flatMap(([{ file, trace }], rival) => {
      if (group.includes(rival) || trace.rank !== files[own][0].trace.rank) return [];
      const rivalApart = apart(rival) ?? Infinity;
      if (ownApart === undefined || rivalApart === Infinity || rivalApart > CLEARLY_NEARER * ownApart) return [];
      return `${files[own][0].file} was joined with ${listText(others, files)}, but ${file} fits nearly as well: their collectives end ${percent(ownApart)} % and ${percent(rivalApart)} % of a step apart; diagnose each job alone to be sure`;
    });
  });
  return doubts.at(0);
}

/** The files without a job whose ranks may be of one, and nothing tells. */
function unjoinedNote(
  groups: readonly (readonly number[])[],
  files: TracedJob['files'],
  distances: Distances,
): string | undefined {
  const alone = groups.flatMap((group) => (group.length === 1 ? group : []));
  const unknown = alone.filter((file) => alone.some((other) => other !== file && distances[file][other] === undefined));
  return unknown.length === 0
    ? undefined
    : `${listText(unknown, files)}: different ranks with too few collectives in common to tell whether they are of one job, so each is diagnosed alone`;
}

function listText(group: readonly number[], files: TracedJob['files']): string {
  const names = group.slice(0, LISTED).map((file) => files[file][0].file);
  return group.length > LISTED ? `${names.join(', ')} and ${group.length - LISTED} more` : names.join(', ');
}
