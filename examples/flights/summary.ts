import type { Headrace, ModelVersion } from 'headrace';
import type { RunCheck } from './checks.ts';
import { departures, type LateDeparture, schedule } from './declaration.ts';
import type { ReplayTotals } from './replay.ts';
import type { RunRollout } from './rollouts.ts';
import type { RunSkew } from './running-audit.ts';

/** The summary of a run, as one JSON object. */
export interface RunSummary {
  readonly counts: Readonly<Record<string, number>>;
  readonly skew: { readonly sampled: number; readonly mismatches: RunSkew['mismatches'] };
  readonly tiles: { readonly count: number; readonly sha256: string };
  readonly models: readonly {
    readonly model: string;
    readonly version: number;
    readonly trainingRows: number;
    readonly trainingAuc: number | undefined;
    readonly months: readonly {
      readonly month: string;
      readonly predictions: number;
      readonly late: number;
      readonly auc: number | null;
      readonly logLoss: number | null;
      readonly baseLogLoss: number | null;
    }[];
  }[];
  readonly rollouts: readonly RunRollout[];
  /** The log of the playbook, one line a decision. */
  readonly decisions: readonly string[];
  readonly checks: readonly RunCheck[];
  readonly seconds: number;
  /** Peaks, MiB: of this process, of the trainer, and of both together, which is at most their sum. */
  readonly peakRssMb: { readonly main: number; readonly trainer: number; readonly together: number };
}

export interface SummaryParts {
  readonly headrace: Headrace;
  readonly model: LateDeparture;
  readonly totals: ReplayTotals;
  readonly skew: RunSkew;
  readonly version: ModelVersion | null;
  readonly decisions: readonly string[];
  readonly checks: readonly RunCheck[];
  readonly tiles: RunSummary['tiles'];
  readonly rollouts: readonly RunRollout[];
  readonly seconds: number;
  readonly trainerRssMb: number;
  readonly besideTrainerMb: number;
}

export function summarise(parts: SummaryParts): RunSummary {
  const { headrace, model, totals, skew, version, checks, tiles, seconds } = parts;
  const sources = [schedule, departures].map((source) => headrace.counters(source));
  const total = (of: (counters: (typeof sources)[number]) => number) =>
    sources.reduce((sum, counters) => sum + of(counters), 0);
  const { counters } = headrace.outcomes(model);
  return {
    counts: {
      sent: total(({ gateway }) => gateway.sent),
      accepted: total(({ admission }) => admission.accepted),
      duplicate: total(({ admission }) => admission.duplicate),
      late: total(({ admission }) => admission.late),
      quarantined: total(({ gateway }) => gateway.quarantined + gateway.refused),
      predictions: counters.predictions,
      labelled: counters.labelled,
      unlabelled: counters.unlabelled + counters.pending,
    },
    skew: { sampled: skew.vectors, mismatches: skew.mismatches },
    tiles,
    models:
      version === null
        ? []
        : [
            {
              model: model.name,
              version: version.version,
              trainingRows: version.lineage.trainingSet.rows,
              trainingAuc: version.metrics['auc'],
              months: monthsOf(headrace, model, totals),
            },
          ],
    rollouts: parts.rollouts,
    decisions: parts.decisions,
    checks,
    seconds: Math.round(seconds * 10) / 10,
    peakRssMb: peaksOf(parts),
  };
}

function peaksOf({ trainerRssMb: trainer, besideTrainerMb }: SummaryParts): RunSummary['peakRssMb'] {
  const main = Math.round(process.resourceUsage().maxRSS / 1024);
  return { main, trainer, together: Math.max(main, besideTrainerMb + trainer) };
}

function monthsOf(
  headrace: Headrace,
  model: LateDeparture,
  { from, to }: ReplayTotals,
): RunSummary['models'][number]['months'] {
  const { quality } = headrace.outcomes(model);
  const months: RunSummary['models'][number]['months'][number][] = [];
  for (let month = new Date(from); month.getTime() <= to; ) {
    const next = Date.UTC(month.getUTCFullYear(), month.getUTCMonth() + 1, 1);
    const start = Date.UTC(month.getUTCFullYear(), month.getUTCMonth(), 1);
    const found = quality.between(start, next);
    if (found !== null) {
      const { labelled, positives, auc, logLoss, baseLogLoss } = found;
      months.push({
        month: month.toISOString().slice(0, 7),
        predictions: labelled,
        late: positives,
        auc,
        logLoss,
        baseLogLoss,
      });
    }
    month = new Date(next);
  }
  return months;
}

/** The summary for people. */
export function summaryText({
  counts,
  skew,
  tiles,
  models,
  rollouts,
  decisions,
  checks,
  seconds,
  peakRssMb,
}: RunSummary): string {
  const numbers = Object.entries(counts).map(([name, count]) => `${name} ${count.toLocaleString('en')}`);
  const lines = [
    'done',
    `  ${numbers.join(' · ')}`,
    `  tiles ${tiles.count.toLocaleString('en')}, sha256 ${tiles.sha256}`,
    `  skew: ${skew.sampled.toLocaleString('en')} vectors recomputed, mismatches: lateness ${skew.mismatches.lateness}, staleness ${skew.mismatches.staleness}, logic ${skew.mismatches.logic}`,
    ...models.flatMap(({ model, version, trainingRows, months }) => [
      `  ${model} version ${version}, trained on ${trainingRows.toLocaleString('en')} flights`,
      ...months.map(
        ({ month, predictions, late, auc, logLoss, baseLogLoss }) =>
          `    ${month}  AUC ${auc?.toFixed(3) ?? '-'}  log loss ${logLoss?.toFixed(4) ?? '-'} (base rate ${baseLogLoss?.toFixed(4) ?? '-'})  ${predictions.toLocaleString('en')} predictions, ${((100 * late) / predictions).toFixed(1)} % late`,
      ),
    ]),
    ...rollouts.map(({ version, trainedOn, state }) => `  version ${version}, trained on ${trainedOn}: ${state}`),
    ...decisions.map((line) => `  ${line}`),
    ...checks.map(({ name, passed, found }) => `  ${passed ? '✓' : '✗'} ${name}: ${found}`),
    `  ${seconds} s, peak memory of all processes together ${peakRssMb.together} MiB (this one ${peakRssMb.main} MiB, trainer ${peakRssMb.trainer} MiB)`,
  ];
  return lines.join('\n');
}
