import { setTimeout as sleep } from 'node:timers/promises';
import { fail } from '../../base/errors/fail.ts';
import { topicOf } from '../../featurestore/ingest/gateway.ts';
import { compareAnswers, type Difference, differenceText } from '../../operating/migrate/compare-answers.ts';
import { publishedUpTo } from '../../operating/migrate/copy-deliveries.ts';
import type { MigrationOptions } from '../../operating/migrate/migration-options.ts';
import type { MigrationRecord } from '../../operating/migrate/migration-record.ts';
import { keysSince, otherQuestions, streamQuestions, withViewServices } from '../../operating/migrate/questions.ts';
import type { OfflineStore } from '../../ports/offline-store.ts';
import { Reader } from '../reader.ts';
import { isIdle } from './environment-ends.ts';
import { streamViewsOf } from './of-project.ts';

/** Keys of each view, and logged requests of each service, that are compared. */
const COMPARED = 1_000;

/** A process that takes events has published them after this, ms: it does so once a minute. */
const PUBLISHED_WITHIN_MS = 70_000;

/** How often answers that differ are asked for again before they count as different. */
const LOOKS = 3;

const POLL_MS = 250;

/** The result of a comparison; differences are an error. */
export interface Compared {
  /** As of when, epoch ms. */
  readonly at: number;
  readonly answers: number;
  /** Answers made of events that the old environment took meanwhile: the next comparison covers them. */
  readonly moving: number;
}

/** Compares the stream views of the same keys while the old environment takes events. Errors: MIGRATE_DIFFERS, those of the stores. */
export async function compareDuringEvents(
  options: MigrationOptions,
  record: MigrationRecord,
  history: OfflineStore,
): Promise<Compared> {
  const { project, clock, tell } = options;
  const questions = await streamQuestions(project, history, COMPARED);
  const views = streamViewsOf(project);
  const copied = record.journal.copied;
  return withReaders(options, async (before, after) => {
    const at = clock();
    let asked = questions;
    let differences: readonly Difference[] = [];
    let moving = 0;
    for (let look = 0; look < LOOKS; look += 1) {
      differences = await compareAnswers(asked, before, after, clock());
      if (differences.length === 0) break;
      // Newer deliveries of the old environment are in its answers, and in its history soon.
      await untilPublished(options, history);
      const since = await keysSince(views, history, ({ source }) => copied[topicOf(source)]?.next ?? []);
      const still = [...new Set(differences.map(({ question }) => question))];
      asked = still.filter(({ of }) => of === null || since.get(of.view)?.has(of.key) !== true);
      moving += still.length - asked.length;
      if (asked.length === 0) break;
      tell(`${asked.length} answers differ; they are asked for again`);
    }
    const real = differences.filter(({ question }) => asked.includes(question));
    if (asked.length > 0) mustBeEqual(options, real, questions.length);
    return { at, answers: questions.length, moving };
  });
}

/** Compares all kinds of answers of two environments that take no events. Errors: MIGRATE_DIFFERS, those of the stores. */
export async function compareAll(options: MigrationOptions, history: OfflineStore): Promise<Compared> {
  const { project, clock } = options;
  const questions = [
    ...(await streamQuestions(project, history, COMPARED)),
    ...(await otherQuestions(project, history, COMPARED)),
  ];
  return withReaders(options, async (before, after) => {
    const at = clock();
    mustBeEqual(options, await compareAnswers(questions, before, after, at), questions.length);
    return { at, answers: questions.length, moving: 0 };
  });
}

function mustBeEqual({ tell }: MigrationOptions, differences: readonly Difference[], asked: number): void {
  const [first] = differences;
  if (first === undefined) return;
  for (const difference of differences.slice(0, 10)) tell(differenceText(difference));
  const differing = new Set(differences.map(({ question }) => question)).size;
  throw fail('MIGRATE_DIFFERS', { asked, differing, example: differenceText(first) });
}

/** Waits until the old environment has published again, or had nothing to publish. */
async function untilPublished({ from, project }: MigrationOptions, history: OfflineStore): Promise<void> {
  const positions = async () =>
    JSON.stringify(await Promise.all(project.sources.map((s) => publishedUpTo(history, s))));
  const known = await positions();
  if (isIdle(from)) return;
  const end = performance.now() + PUBLISHED_WITHIN_MS;
  while (performance.now() < end) {
    await sleep(POLL_MS);
    await history.refresh();
    if ((await positions()) !== known) return;
  }
}

async function withReaders<T>(
  { project, from, to, clock, onFault }: MigrationOptions,
  work: (before: Reader, after: Reader) => Promise<T>,
): Promise<T> {
  const asked = withViewServices(project);
  const opened: Reader[] = [];
  try {
    for (const environment of [from, to]) {
      // These reads are not logged, profiled or traced: no user asked.
      const profiles = { ...environment.profiles, on: false };
      const quiet = { ...environment, profiles, sampleRate: 0, traces: {} };
      opened.push(await Reader.openMigrating(asked, quiet, clock, onFault, { names: 'migration-' }));
    }
    return await work(opened[0], opened[1]);
  } finally {
    for (const reader of opened) await reader.close();
  }
}
