import { fail } from '../../base/errors/fail.ts';
import type { Clock } from '../../base/time.ts';
import type { FeatureServiceData, ModelData, OnDemandViewData } from '../../features/define/declaration.ts';
import type { OfflineStore, OfflineTable } from '../../ports/offline-store.ts';
import { type Cron, lastDue, parseCron } from '../../schedule/cron.ts';
import { auditSkew } from './audit.ts';
import type { SkewReport } from './skew-report.ts';

/** The results of scheduled audits. */
export const skewTable: OfflineTable = {
  name: 'monitoring/skew@1',
  columns: {
    at: 'BIGINT',
    service: 'STRING',
    span_from: 'BIGINT',
    span_to: 'BIGINT',
    logged: 'BIGINT',
    vectors: 'BIGINT',
    compared: 'BIGINT',
    lateness: 'BIGINT',
    staleness: 'BIGINT',
    logic: 'BIGINT',
    at_most: 'DOUBLE',
    met: 'BOOLEAN',
    missing: 'BIGINT',
  },
};

const DAY_MS = 86_400_000;
const LONGEST_MS = 7 * DAY_MS;

/** The last scheduled audit of a service. */
export interface SkewVerdict {
  readonly service: FeatureServiceData;
  /** When it ran, epoch ms. */
  readonly at: number;
  readonly report: Pick<SkewReport, 'vectors' | 'compared' | 'missing' | 'mismatches'>;
  readonly met: boolean;
}

interface ScheduledAudit {
  readonly service: FeatureServiceData;
  readonly cron: Cron;
  /** Vectors before this are audited, or were served before the schedule was opened. */
  auditedTo: number;
  triedAt: number;
  verdict: SkewVerdict | null;
}

export interface SkewScheduleOptions {
  readonly services: readonly FeatureServiceData[];
  readonly models: readonly ModelData[];
  readonly offline: OfflineStore;
  readonly clock: Clock;
  /** As of an audit. */
  readonly scratch: string | null;
  readonly onComputeError: (view: OnDemandViewData, error: unknown) => void;
}

/**
 * Audits the served vectors of every service that declares it, on its schedule: each time those served since the last
 * audit (a day at first, a week at most). The result is kept in the history, and one that misses the declared limit is
 * an error.
 */
export class SkewSchedule {
  readonly #options: SkewScheduleOptions;
  readonly #audits: readonly ScheduledAudit[];

  private constructor(options: SkewScheduleOptions, audits: readonly ScheduledAudit[]) {
    this.#options = options;
    this.#audits = audits;
  }

  /** Reads the end of each service's last audit. Error: SCHEDULE_TEXT. */
  static async open(options: SkewScheduleOptions): Promise<SkewSchedule> {
    const audits: ScheduledAudit[] = [];
    const now = options.clock();
    await options.offline.evolve(skewTable);
    for (const service of options.services) {
      if (service.skew === undefined) continue;
      const before = await lastAudit(service, options.offline);
      audits.push({
        service,
        cron: parseCron(service.skew.schedule, service.name),
        auditedTo: before?.to ?? now - DAY_MS,
        triedAt: before?.verdict.at ?? now,
        verdict: before?.verdict ?? null,
      });
    }
    return new SkewSchedule(options, audits);
  }

  /** Whether an audit is due: everything that was ingested must be published before it runs. */
  get due(): boolean {
    return this.#due().length > 0;
  }

  /** The last audit of each service, also one before the start. */
  verdicts(): readonly SkewVerdict[] {
    return this.#audits.flatMap(({ verdict }) => (verdict === null ? [] : [verdict]));
  }

  /** Runs what is due and keeps the results. Errors, once all have run: SKEW_LOGIC, SKEW_BUDGET. */
  async runDue(): Promise<void> {
    const errors: unknown[] = [];
    for (const audit of this.#due()) {
      try {
        await this.#run(audit);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  #due(): readonly ScheduledAudit[] {
    const now = this.#options.clock();
    return this.#audits.filter(({ cron, triedAt }) => (lastDue(cron, now) ?? Number.NEGATIVE_INFINITY) > triedAt);
  }

  async #run(audit: ScheduledAudit): Promise<void> {
    const { models, offline, clock, scratch, onComputeError } = this.#options;
    const at = clock();
    audit.triedAt = at;
    const { service } = audit;
    const from = Math.max(audit.auditedTo, at - LONGEST_MS);
    const report = await auditSkew({ service, models, offline, from, to: at, scratch, onComputeError });
    const atMost = service.skew?.atMost ?? 0;
    audit.verdict = { service, at, report, met: meets(report, atMost) };
    audit.auditedTo = at;
    const { lateness, staleness, logic } = report.mismatches;
    const row = [at, service.name, from, at, report.logged, report.vectors, report.compared];
    const rest = [lateness, staleness, logic, atMost, audit.verdict.met, report.missing];
    await offline.publish({
      writer: 'skew',
      position: {},
      mode: 'append',
      tables: [{ table: skewTable, rows: 1, columns: [...row, ...rest].map((value) => [value]) }],
    });
    checkSkew(report, atMost);
  }
}

/** The share of the values that differ from the history, those without an answer among them. */
export function mismatchShare({ compared, missing, mismatches }: SkewReport): number {
  const { lateness, staleness, logic } = mismatches;
  const values = compared + missing;
  return values === 0 ? 0 : (lateness + staleness + logic + missing) / values;
}

/** Lets a report pass that has no mismatch of logic, and no more of the others than declared. Errors: SKEW_LOGIC, SKEW_BUDGET. */
export function checkSkew(report: SkewReport, atMost: number): void {
  const { service, vectors, compared, missing, mismatches } = report;
  if (mismatches.logic > 0) throw fail('SKEW_LOGIC', { service, logic: mismatches.logic, vectors });
  const share = mismatchShare(report);
  if (share > atMost) throw fail('SKEW_BUDGET', { service, compared: compared + missing, share, atMost });
}

function meets(report: SkewReport, atMost: number): boolean {
  return report.mismatches.logic === 0 && mismatchShare(report) <= atMost;
}

async function lastAudit(
  service: FeatureServiceData,
  offline: OfflineStore,
): Promise<{ readonly to: number; readonly verdict: SkewVerdict } | null> {
  const columns = 'span_to, "at", vectors, compared, missing, lateness, staleness, logic';
  const from = `FROM ${offline.relation(skewTable)} AS s WHERE service = '${service.name}'`;
  for await (const [row] of offline.query(`SELECT ${columns}, met ${from} ORDER BY span_to DESC LIMIT 1`)) {
    if (row === undefined) continue;
    const [to, at, vectors, compared, missing, lateness, staleness, logic] = row.slice(0, -1).map(Number);
    const report = { vectors, compared, missing, mismatches: { lateness, staleness, logic } };
    return { to, verdict: { service, at, report, met: row[row.length - 1] === true } };
  }
  return null;
}
