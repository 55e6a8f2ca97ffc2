import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isHeadraceError } from '../base/errors/fail.ts';
import { gatePlan } from '../features/define/playbook.ts';
import { settledBefore } from '../model/label-maturity.ts';
import type { Span } from '../ports/playbook-store.ts';
import type { GateResult, PlaybookActions } from './actions.ts';
import { compareOn, type GateLimits, gateResult } from './compare-versions.ts';
import { type LabelledVersions, labelledRows, lossNameOf, withLoaded } from './labelled-versions.ts';

/** Compares two versions on slices of labelled rows, under an id that names its scratch files. */
export async function gate(
  options: LabelledVersions,
  id: string,
  { version, champion, recent, old, oldDecides, exclude }: Omit<Parameters<PlaybookActions['gate']>[1], 'do'>,
  limits: Omit<GateLimits, 'oldDecides'>,
): Promise<GateResult> {
  const { model } = options;
  const loss = lossNameOf(options);
  return withLoaded(options, id, [champion, version], async (loaded, folder) => {
    const [theirs, ours] = loaded;
    const compared = async (name: string, between: Span) =>
      compareOn(
        await labelledRows(options, { between, exclude, path: join(folder, `${name}.parquet`) }, loaded),
        theirs,
        ours,
        loss,
        model.quantile,
      );
    const newest = await compared('recent', recent);
    const before = old === null ? null : await compared('old', old);
    return gateResult(newest, before, { ...limits, oldDecides });
  });
}

/** A version that a person rolls out, and the champion that it is to replace. */
export interface StartedVersion {
  readonly version: number;
  readonly champion: number;
  /** Faulty spans: their rows are left out. */
  readonly exclude: readonly Span[];
}

/**
 * The gate of a version that a person rolls out: the newest labelled rows that its training set lacks, and nothing before them. A gate
 * that cannot be measured explains nothing, and says why.
 */
export async function startGate(
  options: LabelledVersions,
  { version, champion, exclude }: StartedVersion,
  now: number,
): Promise<GateResult> {
  const { model, registered } = options;
  const { recentMs, ...limits } = gatePlan(model);
  try {
    const { trained, createdAt } = await registered.prepared(model.name, version);
    const { from, to } = trained?.lineage.trainingSet ?? { from: null, to: null };
    const end = settledBefore(model.label, now);
    const recent = { from: end - recentMs, to: end };
    // Rows that were asked before a version was registered may be in a set that nobody noted.
    const seen = { from: from ?? Number.NEGATIVE_INFINITY, to: to ?? createdAt };
    if (seen.from <= recent.from && seen.to >= recent.to) return unmeasured(seenText(recent));
    const slices = { recent, old: null, oldDecides: false, exclude: [...exclude, seen] };
    return await gate(options, `start-${randomUUID()}`, { version, champion, ...slices }, limits);
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    return unmeasured(error.message);
  }
}

function seenText({ from }: Span): string {
  return `its training set has the newest labelled rows: one that ends at ${new Date(from).toISOString()} leaves them`;
}

function unmeasured(reason: string): GateResult {
  return { isPassed: false, reason: `not measured: ${reason}`, slices: {} };
}
