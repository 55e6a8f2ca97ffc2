import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EnvironmentOptions, resolveEnvironment } from '../../src/environment/config.ts';
import type { ProjectData } from '../../src/features/define/declaration.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { insideOf } from '../../src/running/inside.ts';
import { Reader } from '../../src/running/reader.ts';
import { type RunningServer, startReadServer, startServer } from '../../src/server/http-server.ts';
import type { ServedProject } from '../../src/server/served-project.ts';
import { PredictionLink } from '../../src/server/workers/prediction-link.ts';
import { openPredictionServer, type PredictionServer } from '../../src/server/workers/prediction-server.ts';
import { until } from '../until.ts';

/** A process that serves, in this one: its project and its address. */
export interface Site {
  readonly served: ServedProject;
  readonly url: string;
}

/** A writer and the workers of its group, all in one process, over the sockets of real groups. */
export interface WorkerSite {
  readonly headrace: Headrace;
  readonly writer: Site;
  readonly workers: readonly Site[];
  readonly faults: unknown[];
  /** Ends what takes predictions, as the death of the writer does; returns how to begin again. */
  readonly away: () => Promise<() => Promise<void>>;
  readonly close: () => Promise<void>;
}

export interface WorkerSiteOptions {
  /** Workers. */
  readonly count: number;
  readonly clock: () => number;
  readonly models?: EnvironmentOptions['models'];
}

const LISTEN = { host: '127.0.0.1', port: 0, bodyLimit: 1_000_000 };

/** Opens them over a new directory, which `prepare` fills first. */
export async function openWorkerSite(
  project: ProjectData,
  prepare: (directory: string) => Promise<unknown>,
  { count, clock, models: modelOptions }: WorkerSiteOptions,
): Promise<WorkerSite> {
  const directory = mkdtempSync(join(tmpdir(), 'headrace-worker-site-'));
  await prepare(directory);
  const faults: unknown[] = [];
  const onFault = (error: unknown) => faults.push(error);
  const options = { directory, sampleRate: 1, ...(modelOptions === undefined ? {} : { models: modelOptions }) };
  const headrace = await openHeadrace({ project, environment: options, clock, onFault });
  // Readers attach to what was committed.
  await headrace.flush();
  const { models, features, appends } = insideOf(headrace);
  const path = join(directory, 'p.sock');
  const open = () =>
    openPredictionServer({
      path,
      append: ({ model, predictions }) =>
        appends.noted(
          () => models.named(model).log.append(predictions),
          () => predictions.length,
        ),
    });
  let taking: PredictionServer = await open();
  models.onChange(() => taking.announce());
  const environment = resolveEnvironment('local', options, project.name);
  const closing: (() => Promise<unknown>)[] = [];
  const serve = async (served: ServedProject, starting: Promise<RunningServer>): Promise<Site> => {
    const server = await starting;
    closing.push(() => server.close());
    return { served, url: server.url };
  };
  const workers: Site[] = [];
  const links: PredictionLink[] = [];
  for (let i = 0; i < count; i += 1) {
    const later: { reader?: Reader } = {};
    const link = new PredictionLink({
      path,
      mostBytes: 16_000_000,
      follow: async () => later.reader?.predicting?.followAll(),
      onFault,
    });
    const reader = await Reader.open(project, environment, clock, onFault, {
      names: `reader-${i}-`,
      worker: { sink: link, processes: count },
    });
    later.reader = reader;
    await link.join();
    links.push(link);
    workers.push(await serve(reader, startReadServer(reader, LISTEN)));
    closing.push(async () => {
      features.takeServed(reader.drainServed());
      await reader.close();
      link.close();
    });
  }
  const writer = await serve(headrace, startServer(headrace, LISTEN));
  return {
    headrace,
    writer,
    workers,
    faults,
    away: async () => {
      await taking.close();
      return async () => {
        taking = await open();
        for (const link of links) await link.join();
      };
    },
    close: async () => {
      for (const close of closing) await close();
      await taking.close();
      await headrace.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export interface Told {
  readonly status: number;
  readonly bytes: Uint8Array;
  /** The JSON of an answer that is JSON. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** Posts to one process. */
export async function ask(
  { url }: Site,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Told> {
  const answer = await fetch(`${url}${path}`, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: answer.status, bytes, body: isJson ? JSON.parse(new TextDecoder().decode(bytes)) : {} };
}

/** Waits until a reader has read what the writer committed. */
export async function committed(
  { headrace, workers }: WorkerSite,
  holds: (site: Site) => Promise<boolean>,
): Promise<void> {
  await headrace.flush();
  await until(async () => (await Promise.all(workers.map(holds))).every(Boolean));
}
