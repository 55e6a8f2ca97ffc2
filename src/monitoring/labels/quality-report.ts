import { numberText } from '../../base/number-text.ts';
import { labelCountsText } from '../../model/label-maturity.ts';
import type { ListedVersion } from '../../registry/listed-versions.ts';
import type { Qualities, Task } from './quality.ts';
import type { RealisedQuality } from './realised-quality.ts';

const DAY_MS = 86_400_000;

/** A version with predictions. */
interface ReportedVersion {
  readonly version: number;
  /** null: it is no longer registered. */
  readonly origin: ListedVersion['origin'] | null;
}

/** The realised quality of a model over a span, whole, by version and by day. */
export interface QualityReport {
  readonly model: string;
  readonly from: number;
  readonly to: number;
  /** Null: there are no predictions. */
  readonly whole: Qualities[Task] | null;
  /** The champion now, whoever registered it; null: there is none. */
  readonly champion: ReportedVersion | null;
  readonly versions: readonly (ReportedVersion & { readonly quality: Qualities[Task] })[];
  readonly days: readonly { readonly day: number; readonly quality: Qualities[Task] }[];
}

/** Whole days (UTC) that a span touches. */
export function wholeDays(from: number, to: number): { readonly from: number; readonly to: number } {
  return { from: Math.floor(from / DAY_MS) * DAY_MS, to: Math.ceil(to / DAY_MS) * DAY_MS };
}

export function qualityReport(
  model: string,
  quality: RealisedQuality,
  { from, to }: { readonly from: number; readonly to: number },
  registered: { readonly versions: readonly ListedVersion[]; readonly champion: number | null },
): QualityReport {
  const reported = (version: number): ReportedVersion => ({
    version,
    origin: registered.versions.find((one) => one.version === version)?.origin ?? null,
  });
  return {
    model,
    from,
    to,
    whole: quality.between(from, to),
    champion: registered.champion === null ? null : reported(registered.champion),
    versions: quality.versions(from, to).flatMap((version) => {
      const found = quality.between(from, to, version);
      return found === null ? [] : [{ ...reported(version), quality: found }];
    }),
    days: quality
      .days()
      .filter((day) => day >= from && day < to)
      .flatMap((day) => {
        const found = quality.between(day, day + DAY_MS);
        return found === null ? [] : [{ day, quality: found }];
      }),
  };
}

/** The lines of `headrace models quality`. */
export function qualityLines({ model, whole, champion, versions, days }: QualityReport): readonly string[] {
  const serving =
    champion === null ? 'no champion' : `champion version ${champion.version}, ${champion.origin ?? 'not registered'}`;
  if (whole === null) return [`${model}: no predictions; ${serving}`];
  return [
    serving,
    ...days.map(({ day, quality }) => `${new Date(day).toISOString().slice(0, 10)}  ${qualityText(quality)}`),
    ...versions.map(
      ({ version, origin, quality }) =>
        `version ${String(version).padEnd(3)} ${qualityText(quality)}${origin === 'logged' ? ' (logged)' : ''}`,
    ),
    `whole       ${qualityText(whole)}`,
  ];
}

function qualityText(quality: Qualities[Task]): string {
  const number = (value: number | null) => numberText(value, 4);
  const metrics =
    quality.task === 'binary'
      ? `auc ${number(quality.auc)}, brier ${number(quality.brier)}, log loss ${number(quality.logLoss)}`
      : `mae ${number(quality.mae)}, rmse ${number(quality.rmse)}, r2 ${number(quality.r2)}`;
  return `${labelCountsText(quality)}: ${metrics}`;
}
