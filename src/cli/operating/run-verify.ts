import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import type { MaybePromise } from '../../base/maybe-promise.ts';
import { reasonOf as messageOf } from '../../base/reason-of.ts';
import type { Environment } from '../../environment/config.ts';
import { engineOf, historyOf, logOf, onlineOf } from '../../site/back-ends/environment-back-ends.ts';
import { withHistory } from '../../site/open-history.ts';
import { withScratch } from '../../site/scratch.ts';
import {
  historySubject,
  logSubject,
  offlineSubject,
  onlineSubject,
  sharesSubject,
  tileTopicsSubject,
} from '../../site/subjects.ts';
import type { Contract } from '../../testing/contracts/contract.ts';
import { eventLogContracts } from '../../testing/contracts/event-log.ts';
import { historyEngineContracts } from '../../testing/contracts/history-engine.ts';
import { offlineStoreContracts } from '../../testing/contracts/offline-store.ts';
import { onlineStoreContracts } from '../../testing/contracts/online-store.ts';
import { remoteStoreContracts } from '../../testing/contracts/remote-store.ts';
import { tileSharesContracts } from '../../testing/contracts/tile-shares.ts';
import { tileTopicsContracts } from '../../testing/contracts/tile-topics.ts';
import type { Call } from '../command.ts';
import { loadConfig } from '../open/load-config.ts';

/** A rule that does not end by itself is broken, ms; a job of another engine may have to be planned, begun and restarted. */
const LIMIT_MS = 600_000;

/** How long a rule that is stopped may take to notice, ms. */
const STOP_MS = 10_000;

type Closable = { close(): unknown };

/** A rule of a port, to be run in an empty environment; its stores are closed after it. */
interface LiveRule {
  readonly port: string;
  readonly backEnd: string;
  readonly rule: number;
  readonly name: string;
  run(environment: Environment, opened: (store: Closable) => void): Promise<void>;
}

/** The outcome of a rule. */
interface Outcome {
  readonly ms: number;
  /** null: it holds. */
  readonly broken: unknown;
}

/** Runs the rules of the ports on what an environment names. Errors: VERIFY_*, CONFIG_*. */
export async function runVerify(call: Call): Promise<void> {
  const { terminal, json, options } = call;
  const { environment } = await loadConfig(call);
  const name = options.env ?? 'local';
  terminal.err(`headrace: ${await checkHistory(environment)}`);
  const rules = rulesOf(environment);
  const report = await withScratch(
    name,
    environment,
    (environmentOf) => runAll(call, name, rules, environmentOf),
    (error) => terminal.err(`headrace: ${error.message}`),
  );
  const { held, broken, notRun } = report;
  const [first] = broken;
  if (first !== undefined)
    throw fail('VERIFY_BROKEN', { environment: name, rules: rules.length, broken: broken.length, first });
  terminal.out(
    json ? JSON.stringify({ environment: name, held, broken: broken.length, notRun }) : `all ${held} rules hold`,
  );
}

/** Compares every file of the history with its sum. Error: OFFLINE_CORRUPT. */
async function checkHistory(environment: Environment): Promise<string> {
  if (!existsSync(join(environment.directory, 'offline'))) return 'there is no history yet';
  return withHistory(environment, async (history) => {
    const [damaged] = await history.check();
    if (damaged !== undefined) throw fail('OFFLINE_CORRUPT', { file: damaged.file, reason: damaged.reason });
    const files = history.tables().reduce((sum, table) => sum + table.files.length, 0);
    return `all ${files} files of the history match their checksums`;
  });
}

async function runAll(
  { terminal, json }: Call,
  environment: string,
  rules: readonly LiveRule[],
  environmentOf: (run: number) => Environment,
): Promise<{ held: number; broken: readonly string[]; notRun: number }> {
  const broken: string[] = [];
  // Those that cannot be opened: their other rules would only say it again.
  const shut = new Set<string>();
  const begun = new Set<string>();
  let [held, notRun] = [0, 0];
  const stopped = terminal.stopped.then(() => 'stopped' as const);
  for (const [i, each] of rules.entries()) {
    const { port, backEnd, rule, name } = each;
    if (shut.has(port)) {
      notRun += 1;
      continue;
    }
    const outcome = await runOne(each, environmentOf(i), stopped);
    if (outcome === 'stopped') throw fail('VERIFY_STOPPED', { environment, done: i, rules: rules.length });
    const { ms, broken: error } = outcome;
    const place = `${port} in ${backEnd}, rule ${rule}`;
    if (error === null) held += 1;
    else broken.push(place);
    if (error !== null && !begun.has(port) && isHeadraceError(error)) shut.add(port);
    begun.add(port);
    const reason = error === null ? null : reasonOf(error);
    terminal.out(
      json
        ? JSON.stringify({ port, backEnd, rule, name, held: error === null, ms, reason })
        : `${error === null ? 'holds ' : 'broken'} ${place}: ${name}${reason === null ? ` (${(ms / 1_000).toFixed(1)} s)` : `\n       ${reason}`}`,
    );
  }
  if (notRun > 0)
    terminal.err(`headrace: ${notRun} rules were skipped, because their store or engine could not be opened`);
  return { held, broken, notRun };
}

async function runOne(
  rule: LiveRule,
  environment: Environment,
  stopped: Promise<'stopped'>,
): Promise<Outcome | 'stopped'> {
  // Rules that wait for nothing would let no signal in.
  await setImmediate();
  mkdirSync(environment.directory, { recursive: true });
  const begin = performance.now();
  const stores: Closable[] = [];
  const running = rule
    .run(environment, (store) => stores.push(store))
    .then(
      () => null,
      (error: unknown) => error,
    );
  const timer = new AbortController();
  const late = sleep(LIMIT_MS, new Error(`it did not end within ${LIMIT_MS / 1_000} s`), { signal: timer.signal });
  const ended = await Promise.race([running, late.catch(() => null), stopped]);
  timer.abort();
  if (ended === null) return { ms: Math.round(performance.now() - begin), broken: null };
  // Its stores are closed, so that it ends; a store that it has closed itself may say so.
  for (const store of stores.reverse()) await (async () => store.close())().catch(() => undefined);
  await Promise.race([running, sleep(STOP_MS, undefined, { ref: false })]);
  return ended === 'stopped' ? ended : { ms: Math.round(performance.now() - begin), broken: ended };
}

function reasonOf(error: unknown): string {
  if (isHeadraceError(error)) return `${error.code}: ${error.message}\n       ${error.hint}`;
  return messageOf(error);
}

/** The rules of everything that an environment names; those that say nothing of a back end are left out. */
function rulesOf(environment: Environment): readonly LiveRule[] {
  const [log, online, engine] = [logOf(environment), onlineOf(environment), engineOf(environment)];
  const history = historyOf(environment);
  const rules: (readonly LiveRule[])[] = [
    live('event log', log, eventLogContracts, (of, opened) => followed(logSubject(of), opened)),
    live('online store', online, onlineStoreContracts, (of, opened) => followed(onlineSubject(of), opened)),
  ];
  if (online.addresses.length > 0)
    rules.push(
      live('online store behind a network', { ...online, lacks: [] }, remoteStoreContracts, (of, opened) => {
        const { remote } = onlineSubject(of);
        if (remote === null) throw new RangeError('the environment has no store over a network');
        return followed(remote, opened);
      }),
    );
  if (online.shares !== null)
    rules.push(
      live(
        'tiles that many write',
        { ...online, lacks: online.lacks.filter((lack) => lack === 'adds') },
        tileSharesContracts,
        (of, opened) => followed(sharesSubject(of), opened),
      ),
    );
  rules.push(
    live('offline store', { kind: 'embedded', lacks: [] }, offlineStoreContracts, ({ directory }, opened) =>
      followed(offlineSubject(directory), opened),
    ),
  );
  if (engine !== null)
    rules.push(
      live('tile topics', engine, tileTopicsContracts, (of, opened) => {
        const { begin } = tileTopicsSubject(of);
        return { begin: async (...args) => tellOf(await begin(...args), opened) };
      }),
    );
  if (history.engine !== null)
    rules.push(
      live('history engine', { kind: history.kind, lacks: [] }, historyEngineContracts, (of, opened) =>
        followed(historySubject(of), opened),
      ),
    );
  return rules.flat();
}

function live<S, N extends string>(
  port: string,
  { kind: backEnd, lacks }: { readonly kind: string; readonly lacks: readonly string[] },
  contracts: readonly Contract<S, N>[],
  subjectOf: (environment: Environment, opened: (store: Closable) => void) => S,
): readonly LiveRule[] {
  return contracts
    .filter(({ needs }) => needs.every((need) => !lacks.includes(need)))
    .map(({ rule, name, run }) => ({
      port,
      backEnd,
      rule,
      name,
      run: async (environment, opened) => run(subjectOf(environment, opened)),
    }));
}

/** A subject that reports the stores that it opens. */
function followed<A extends readonly never[], C extends Closable, S extends { open(...args: A): MaybePromise<C> }>(
  subject: S,
  opened: (store: Closable) => void,
): S {
  return { ...subject, open: async (...args: A) => tellOf(await subject.open(...args), opened) };
}

function tellOf<C extends Closable>(store: C, opened: (store: Closable) => void): C {
  opened(store);
  return store;
}
