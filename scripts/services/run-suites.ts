import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killGroup } from '../run-command.ts';
import { startVitest } from '../vitest.ts';
import { whenInterrupted } from '../when-interrupted.ts';
import { noteServers, stopNoted } from './server.ts';
import type { Service } from './service.ts';
import { servicesOf } from './services.ts';
import { variablesOf } from './variables-of.ts';

/** Tests of a run by how they ended. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export interface SuiteOptions {
  /** Paths from the root. */
  readonly suites: readonly string[];
  /** Whether tests tagged `deep` run too. */
  readonly deep: boolean;
  /** When the run ends whatever is left, ms since 1970; null for never. */
  readonly deadline: number | null;
}

/** How long after the deadline the run itself may take to say what was not run, ms. */
const GRACE_MS = 60_000;

/** Runs suites, one call after the other, in one folder that their runs share. */
export type RunSuites = (options: SuiteOptions) => Promise<Counts>;

/**
 * Gives `work` a way to run suites. The services that they name are started when they are first needed. At the end, and when a
 * signal ends this process, every server that was started is stopped; a service that ran before continues.
 */
export async function withSuites<T>(work: (run: RunSuites) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'suites-'));
  const servers = mkdtempSync(join(folder, 'servers-'));
  noteServers(servers);
  const own = new Map<Service, boolean>();
  const environment: Record<string, string> = { HEADRACE_RUN_FOLDER: mkdtempSync(join(folder, 'run-')) };
  const end = async () => {
    for (const [service, isOwn] of own) if (isOwn) await service.down();
    await stopNoted(servers);
    rmSync(folder, { recursive: true, force: true });
  };
  const withdraw = whenInterrupted(end);
  const start = async (service: Service) => {
    if (own.has(service)) return;
    own.set(service, (await service.status()) === null);
    Object.assign(environment, await service.up());
  };
  try {
    return await work(async (options) => {
      const started = all(servicesOf(variablesOf(options.suites)).map(start));
      const counts = { passed: 0, failed: options.suites.length, skipped: 0 };
      if (!(await endsBefore(started, options.deadline))) {
        console.error('the services did not start before the deadline');
        return counts;
      }
      return runVitest(options, environment, join(folder, 'counts.json'));
    });
  } finally {
    await end();
    withdraw();
  }
}

/** Waits for all, and then throws the first failure: none continues after that. */
async function all(promises: readonly Promise<void>[]): Promise<void> {
  for (const one of await Promise.allSettled(promises)) if (one.status === 'rejected') throw one.reason;
}

async function endsBefore(work: Promise<void>, deadline: number | null): Promise<boolean> {
  if (deadline === null) return work.then(() => true);
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), deadline - Date.now());
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

async function runVitest(
  { suites, deep, deadline }: SuiteOptions,
  environment: Readonly<Record<string, string>>,
  counts: string,
): Promise<Counts> {
  rmSync(counts, { force: true });
  const limit = deadline === null ? {} : { HEADRACE_DEADLINE: String(deadline) };
  const filter = deep ? [] : ['--tags-filter=!deep'];
  const child = startVitest(['--config', 'vitest.services.config.ts', ...filter, ...suites], {
    ...environment,
    ...limit,
    HEADRACE_COUNTS: counts,
  });
  const kill = () => killGroup(child.pid);
  const withdraw = whenInterrupted(kill);
  const timer = deadline === null ? undefined : setTimeout(kill, deadline + GRACE_MS - Date.now());
  try {
    const [code] = await once(child, 'exit');
    return countsOf(counts, code, suites.length);
  } finally {
    clearTimeout(timer);
    withdraw();
    kill();
  }
}

/** The counts that the run wrote; without them, or where it failed otherwise than by a test, what ran is not known to pass. */
function countsOf(file: string, code: unknown, suites: number): Counts {
  if (!existsSync(file)) return { passed: 0, failed: suites, skipped: 0 };
  const counts: Counts = JSON.parse(readFileSync(file, 'utf8'));
  return code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts;
}
