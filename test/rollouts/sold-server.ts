import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { RolloutOptions } from '../../src/features/define/rollout.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { type RunningServer, startServer } from '../../src/server/http-server.ts';
import type { RolloutReport } from '../../src/serving/rollout/rollout-report.ts';
import { soldProject } from './sold-project.ts';
import { type Kind, registerVersions } from './versions.ts';

export const START = Date.UTC(2026, 0, 1);

const closing: (() => Promise<void>)[] = [];

/** Ends everything that a test has opened. */
export async function closeServed(): Promise<void> {
  for (const close of closing.splice(0).reverse()) await close();
}

export interface Served {
  readonly headrace: Headrace;
  readonly server: RunningServer;
  readonly faults: unknown[];
  /** Moves the clock on. */
  readonly later: (ms: number) => void;
  readonly ask: (
    path: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<{ readonly status: number; readonly body: Answered }>;
}

export interface Answered extends Partial<RolloutReport> {
  readonly version?: number;
  readonly cohort?: string;
  readonly error?: { readonly code: string };
}

export async function serve(
  kinds: readonly Kind[],
  rollout: RolloutOptions<'name'>,
  projectOf: typeof soldProject = soldProject,
): Promise<Served> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-rollout-'));
  await registerVersions(directory, 'sold', kinds);
  closing.push(async () => rmSync(directory, { recursive: true, force: true }));
  return open(directory, projectOf(rollout));
}

/** Ends a served project and opens it again, as after a restart. */
export function reopen({ headrace: { directory } }: Served, rollout: RolloutOptions<'name'>): Promise<Served> {
  const close = closing.pop();
  return Promise.resolve(close?.()).then(() => open(directory, soldProject(rollout)));
}

async function open(directory: string, project: ReturnType<typeof soldProject>): Promise<Served> {
  let now = START;
  const faults: unknown[] = [];
  const headrace = await openHeadrace({
    project,
    environment: { directory },
    clock: () => now,
    onFault: (error) => faults.push(error),
  });
  const server = await startServer(headrace, { host: '127.0.0.1', port: 0, bodyLimit: 100_000 });
  closing.push(async () => {
    await server.close();
    await headrace.close();
  });
  const ask: Served['ask'] = async (path, body, headers = {}) => {
    const init =
      body === undefined
        ? {}
        : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } };
    const answer = await fetch(`${server.url}${path}`, init);
    return { status: answer.status, body: (await answer.json()) as Answered };
  };
  return {
    headrace,
    server,
    faults,
    ask,
    later: (ms) => {
      now += ms;
    },
  };
}

/** A number of each caller, spread over (−2, 2): every caller has its own. */
export function numberOf(caller: number): number {
  const golden = caller * 0.618033988749895;
  return 4 * (golden - Math.floor(golden)) - 2;
}

export function predictionOf(caller: number, id: string) {
  return { id, request: { name: `caller ${caller}`, number: numberOf(caller), gaps: null, category: 1 } };
}

/** Asks for predictions of many callers, some at once; returns how many came from each cohort and status. */
export async function traffic(
  { ask }: Served,
  from: number,
  callers: number,
  prefix = 'p',
): Promise<ReadonlyMap<string, number>> {
  const seen = new Map<string, number>();
  for (let caller = from; caller < from + callers; caller += 16) {
    const some = Array.from({ length: Math.min(16, from + callers - caller) }, (_, i) => caller + i);
    await Promise.all(
      some.map(async (one) => {
        const { status, body } = await ask('/v1/predictions/sold', predictionOf(one, `${prefix}-${one}`));
        const key = status === 200 ? `${body.cohort} ${body.version}` : `${status}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }),
    );
  }
  return seen;
}

export async function state({ ask }: Served): Promise<RolloutReport> {
  const { status, body } = await ask('/v1/rollouts/sold');
  expect(status).toBe(200);
  return body as RolloutReport;
}

/** Sends traffic and lets the judge look, until the rollout is over or this many rounds are. */
export async function rounds(served: Served, most: number, each: number): Promise<RolloutReport> {
  for (let round = 0; round < most; round += 1) {
    await traffic(served, round * each, each, `r${round}`);
    await served.headrace.tick();
    const report = await state(served);
    if (report.endedAt !== null) return report;
  }
  return state(served);
}
