import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from 'headrace';
import { lateDeparture } from '../flights/declaration.ts';
import { replayClock } from '../flights/replay-clock.ts';
import { endedWell, startProgram, untilOr } from './child.ts';
import { openSite, requestOf, type Site } from './site.ts';
import { check, latencyOf, type Measured } from './summary.ts';

/** Calls whose versions are compared. */
const PAGES = 40;
/** Flights of a page. */
const PAGE = 20;
/** Calls of one flight that are timed. */
const TIMED = 2_000;

/** Online inference of the flights: a page of flights asked one by one, then by one call, while versions are promoted. */
export async function online(site: Site): Promise<Measured> {
  const headrace = await openSite({ directory: site.directory, clock: replayClock(site.liveFrom) });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: '1MiB' });
  const url = `${server.url}/v1/predictions/${lateDeparture.name}`;
  try {
    const mixed = { one: 0, many: 0 };
    for (let page = 0; page < PAGES; page += 1) {
      const next = site.versions[(page + 1) % 2] ?? 0;
      const promote = (version: number) => headrace.promote(lateDeparture, version);
      const asked = Array.from({ length: PAGE }, (_, i) => questionOf(site, page * PAGE + i));
      const versions = [];
      for (const [i, one] of asked.entries()) {
        if (i === PAGE / 2) await promote(next);
        versions.push((await post(url, one)).version);
      }
      if (new Set(versions).size > 1) mixed.one += 1;
      const call = post(url, { requests: asked });
      await promote(site.versions[page % 2] ?? 0);
      if (new Set((await call).predictions.map(({ version }) => version)).size > 1) mixed.many += 1;
      await promote(next);
    }
    await headrace.promote(lateDeparture, site.versions[0]);
    return { ...(await timedCalls(site, url)), ...judged(mixed) };
  } finally {
    await server.close();
    await headrace.close();
  }
}

function judged({
  one,
  many,
}: {
  readonly one: number;
  readonly many: number;
}): Pick<Measured, 'mode' | 'naive' | 'checks'> {
  return {
    mode: 'online',
    naive: [
      `a page of ${PAGE} flights is asked flight by flight, and a version is promoted meanwhile: ${one} of ${PAGES} pages mix two versions`,
    ],
    checks: [
      check('one call has one version, whatever is promoted', many === 0, `${many} of ${PAGES} calls mix versions`),
    ],
  };
}

function questionOf({ live }: Site, i: number) {
  const flight = live[i % live.length];
  return { id: `${flight.id}-${i}`, request: requestOf(flight) };
}

interface Answer {
  readonly version: number;
  readonly predictions: readonly { readonly version: number }[];
}

async function post(url: string, body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as Answer;
}

/** The caller is its own process: only the server's processor time counts. */
async function timedCalls(
  site: Site,
  url: string,
): Promise<Pick<Measured, 'predictions' | 'coreSeconds' | 'latency' | 'perSecond'>> {
  const path = join(site.directory, 'calls.jsonl');
  const calls = Array.from({ length: TIMED }, (_, i) => JSON.stringify(questionOf(site, PAGES * PAGE + i)));
  writeFileSync(path, calls.join('\n'));
  const caller = startProgram('online-caller.ts', [path, url]);
  await untilOr(caller, () => caller.lines().includes('warm'));
  const [cpu, begun] = [process.cpuUsage(), performance.now()];
  caller.process.send('go');
  await untilOr(caller, () => caller.lines().length > 1);
  const { user, system } = process.cpuUsage(cpu);
  const seconds = (performance.now() - begun) / 1_000;
  await endedWell(caller, 'the caller');
  const times: readonly number[] = JSON.parse(caller.lines().at(-1) ?? '[]');
  return {
    predictions: TIMED,
    coreSeconds: (user + system) / TIMED,
    latency: latencyOf(times),
    perSecond: TIMED / seconds,
  };
}
