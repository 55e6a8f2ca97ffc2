import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { schedule } from '../flights/declaration.ts';
import { replayClock } from '../flights/replay-clock.ts';
import { type Child, endedWell, kill, startProgram, untilOr } from './child.ts';
import { type FoundTopics, judgeRecords } from './judge.ts';
import { type NaiveRun, naiveRun } from './naive-run.ts';
import { readTopic } from './read-topic.ts';
import { openSite, PARTITIONS, type Site, takeScheduled } from './site.ts';
import { streamLatency } from './stream-latency.ts';
import { type Check, check, type Measured } from './summary.ts';

/** Streaming inference of the flights: the naive way, then ours, on one rolling update, with kills. */
export async function streaming(site: Site, kills: number): Promise<Measured> {
  const naive = await naiveRun(site, { rewinds: true });
  const calm = { ...site, directory: `${site.directory}-calm` };
  cpSync(site.directory, calm.directory, { recursive: true });
  await rolledUnderKills(site, kills);
  const found = foundTopics(site);
  const checks = [...judged(found, site, kills), await replayed(site, found)];
  const { scored, cpuMs, ms } = await calmRun(calm);
  return {
    mode: 'streaming',
    predictions: scored,
    coreSeconds: (cpuMs * 1_000) / scored,
    perSecond: scored / (ms / 1_000),
    latency: await streamLatency(calm),
    naive: failures(naive, site),
    checks,
  };
}

function failures({ answers, rows, kills }: NaiveRun, { live }: Site): readonly string[] {
  const all = [...answers.values()];
  const repeated = rows - answers.size;
  const changed = all.filter((one) => new Set(one.map(({ version }) => version)).size > 1).length;
  return [
    `a consumer that saves its place now and then was killed ${kills} times, and read its topic again later`,
    `${rows} answers for ${live.length} flights: ${repeated} are repeated`,
    `a version was promoted meanwhile: ${changed} flights have answers by two versions`,
  ];
}

/** Scores the stream in a process that is killed, while flights come, and a canary and then the whole second version take over. */
async function rolledUnderKills(site: Site, kills: number): Promise<void> {
  const { live, flights, versions, to } = site;
  const past = flights.length - live.length;
  const version = versions[1];
  const rolls: Readonly<Record<number, object>> = {
    1: { version, cutOver: { kind: 'canary-keys', buckets: 5_000, salt: 's' } },
    [Math.ceil(kills / 2) + 1]: { version, cutOver: { kind: 'immediate' } },
  };
  for (let life = 0; life <= kills; life += 1) {
    const end = Math.ceil((live.length * (life + 1)) / (kills + 1));
    const owner = startProgram('stream-owner.ts', [site.directory, String(live[end]?.scheduled ?? to + 1)]);
    const roll = rolls[life];
    if (roll !== undefined) owner.process.send(roll);
    // Somewhere in its share of the flights; before that, in the scoring of the past ones.
    const goal = life === 0 ? past * 0.4 : past + end - (live.length / (kills + 1)) * (0.2 + ((life * 37) % 7) / 10);
    await untilOr(owner, () => committedBy(owner) >= goal && (roll === undefined || owner.lines().includes('rolled')));
    if (life < kills && !owner.hasEnded()) await kill(owner);
    else await endedWell(owner, 'the owner of the stream');
  }
}

function committedBy(owner: Child): number {
  return Number(owner.lines().findLast((line) => /^\d+$/.test(line)) ?? 0);
}

/** The topics of the stream, read from the files of the log. */
function foundTopics({ directory, flights }: Site): FoundTopics {
  const log = join(directory, 'log');
  const byId = new Map(flights.map((one) => [one.id, one]));
  const keysOf = (id: string) => {
    const flight = byId.get(id);
    return flight === undefined ? [] : [flight.destination, flight.origin];
  };
  return {
    partitions: PARTITIONS,
    inputs: readTopic(log, `${schedule.name}@1`),
    outputs: readTopic(log, 'streamed-late_scores@1'),
    control: readTopic(log, 'stream-late-control@1'),
    keyOf: keysOf,
  };
}

function judged(found: FoundTopics, { flights, versions }: Site, kills: number): readonly Check[] {
  const { records, outputs, lost, double, wrong, plans, versions: seen } = judgeRecords(found);
  const isWhole = records === flights.length && outputs === records;
  return [
    check(
      `each flight has one answer, over ${kills} kills`,
      isWhole && lost + double === 0,
      `${outputs} answers for ${records} flights: ${lost} lost, ${double} double`,
    ),
    check(
      `each answer is by the version of its offset, over ${plans} cut-overs`,
      wrong === 0 && plans === 2 && versions.every((one) => seen.includes(one)),
      `${wrong} wrong, of versions ${seen.join(' and ')}`,
    ),
  ];
}

/** Scores the whole topic again, as after the loss of the outputs. */
async function replayed({ directory, liveFrom }: Site, { outputs }: FoundTopics): Promise<Check> {
  const headrace = await openSite({ directory, clock: replayClock(liveFrom) });
  const stream = headrace.stream('late');
  const asText = ({ offset, score, version }: Record<string, unknown>) => `${offset} ${score} ${version}`;
  let differing = 0;
  for (const [partition, { next }] of stream.status.partitions.entries()) {
    const known = new Set(
      outputs.filter((one) => one.partition === partition).map(({ payload }) => asText(JSON.parse(payload))),
    );
    const again = await stream.reprocess(partition, { from: 0, to: next });
    differing += again.filter((one) => !known.has(asText({ ...one }))).length;
  }
  await headrace.close();
  return check(
    'a replay of the whole topic gives the same answers by the same versions',
    differing === 0,
    `${differing} of ${outputs.length} differ`,
  );
}

/** Scores the past flights, then the live ones of which no delay is known yet: the figures are those of the live ones. */
async function calmRun(site: Site) {
  const args = [site.directory, String(site.liveFrom)];
  await endedWell(startProgram('stream-owner.ts', args), 'the owner of the stream');
  const headrace = await openSite({ directory: site.directory, clock: replayClock(site.to) });
  await takeScheduled(headrace, site.live);
  await headrace.close();
  const owner = startProgram('stream-owner.ts', args);
  await endedWell(owner, 'the owner of the stream');
  return JSON.parse(owner.lines().at(-1) ?? '{}') as {
    readonly scored: number;
    readonly cpuMs: number;
    readonly ms: number;
  };
}
