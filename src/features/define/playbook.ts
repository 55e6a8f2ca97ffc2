import { z } from 'zod';
import { fail, isHeadraceError } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import type { ColumnSpec } from '../../schema/column.ts';
import { expectedOf, valueParser } from '../../schema/value-parser.ts';

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const STEPS = ['retrain', 'rollout', 'promotion'] as const;

/** A step that a person may have to approve. */
export type ApprovalStep = (typeof STEPS)[number];

/** How the findings of a model's monitors are answered; everything has a default. `F` are the names of its service's features. */
export interface PlaybookOptions<F extends string = string> {
  /** `act`; `dryRun` writes every decision to the journal and does nothing (`act`). */
  readonly mode?: 'act' | 'dryRun';
  /** The receiver of its incidents. */
  readonly owner?: string;
  /** The answer to a fault of the data. */
  readonly quality?: {
    /** The value that the model gets instead of a faulty feature: `default` of `defaults`, or missing where it names none; `none`: the faulty one (`default`). */
    readonly serve?: 'default' | 'none';
    readonly defaults?: { readonly [K in F]?: number | boolean | null };
    /** Windows without the fault after which the feature is served again (2). */
    readonly clear?: number;
    /** Windows for which a fault may hold a training up, before a person is asked (4). */
    readonly askAfter?: number;
  };
  /** When a new version is trained; false: never. */
  readonly retrain?:
    | {
        /** Whether a rise of the realised loss trains a new version (true). */
        readonly onConceptDrift?: boolean;
        /** Cron in UTC for a regular new version; without it there is none. */
        readonly schedule?: string;
        /** Length of the training set before its end; of a concept drift it starts at the change at the earliest (the model's window). */
        readonly window?: DurationText;
        /** Labelled rows below which it waits (1,000). */
        readonly rows?: number;
        /** Least time between two trainings (`1d`), and most of them in 30 days (4). */
        readonly cooldown?: DurationText;
        readonly perMonth?: number;
        /** Trainings for one cause without gain, after which a person must approve the next one (2). */
        readonly sameCause?: number;
      }
    | false;
  /** Comparison with the champion on labelled rows that the new version has not seen, before it scores any request. */
  readonly gate?: {
    /** The newest labelled rows, kept from the training set: the new version must have the lower loss there (`1d`). */
    readonly recent?: DurationText;
    /**
     * Rows before the training set (`7d`): the loss may be at most `tolerance` higher there, as a share (0.1). After a concept drift
     * it is shown and decides only where it is declared: the old concept is gone. false: not compared.
     */
    readonly old?: DurationText | false;
    readonly tolerance?: number;
    /** Chance that a version that is no better passes (0.05). */
    readonly alpha?: number;
    /** Rows of each slice below which it says nothing (200). */
    readonly rows?: number;
  };
  /**
   * The paired shadow: before the new version answers anybody, both score the same requests, and the difference of their losses
   * must be certainly below 0 on at least `labels` labelled requests (500). false: the guardrails of the rollout decide alone.
   */
  readonly shadow?: { readonly labels?: number } | false;
  /** Asks a person. After `within` (`24h`) without an answer, the answer is `otherwise` (`deny`). */
  readonly approval?: {
    readonly before: readonly ApprovalStep[];
    readonly within?: DurationText;
    readonly otherwise?: 'approve' | 'deny';
  };
  /** When a version may become champion; without it at any time. */
  readonly hours?: {
    /** `09:00`, UTC. */
    readonly from: string;
    readonly to: string;
    /** All without it. */
    readonly days?: readonly (typeof DAYS)[number][];
  };
  /** How long a rollout may be held before it is rolled back (`7d`). */
  readonly hold?: DurationText;
}

/** A playbook with every default filled in. */
export interface PlaybookPlan {
  readonly mode: 'act' | 'dryRun';
  readonly owner: string | null;
  readonly quality: {
    readonly serve: 'default' | 'none';
    readonly defaults: Readonly<Record<string, number | boolean | null>>;
    readonly clear: number;
    readonly askAfter: number;
  };
  readonly retrain: {
    readonly onConceptDrift: boolean;
    readonly schedule: string | null;
    /** Null: the model's window. */
    readonly windowMs: number | null;
    readonly rows: number;
    readonly cooldownMs: number;
    readonly perMonth: number;
    readonly sameCause: number;
  } | null;
  readonly gate: {
    readonly recentMs: number;
    readonly oldMs: number | null;
    /** Whether the old slice decides after a concept drift as well: where `old` is declared. */
    readonly oldAlways: boolean;
    readonly tolerance: number;
    readonly alpha: number;
    readonly rows: number;
  };
  readonly shadow: { readonly labels: number } | null;
  readonly approval: {
    readonly before: readonly ApprovalStep[];
    readonly withinMs: number;
    readonly otherwise: 'approve' | 'deny';
  } | null;
  /** Minutes of the day, UTC, and days of the week from 0, Sunday. */
  readonly hours: { readonly from: number; readonly to: number; readonly days: readonly number[] } | null;
  readonly holdMs: number;
}

/** Length of the old slice where none is declared. */
const OLD = '7d';

const duration = z.string();
const hour = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$|^24:00$/, 'write it as 09:00');

const written = z.strictObject({
  mode: z.enum(['act', 'dryRun']).default('act'),
  owner: z.string().min(1).max(200).optional(),
  quality: z
    .strictObject({
      serve: z.enum(['default', 'none']).default('default'),
      defaults: z.record(z.string(), z.union([z.number(), z.boolean(), z.null()])).default({}),
      clear: z.int().min(1).max(1000).default(2),
      askAfter: z.int().min(1).max(1000).default(4),
    })
    .prefault({}),
  retrain: z
    .union([
      z.literal(false),
      z.strictObject({
        onConceptDrift: z.boolean().default(true),
        schedule: z.string().optional(),
        window: duration.optional(),
        rows: z.int().min(1).default(1000),
        cooldown: duration.default('1d'),
        perMonth: z.int().min(1).max(1000).default(4),
        sameCause: z.int().min(1).max(1000).default(2),
      }),
    ])
    .prefault({}),
  gate: z
    .strictObject({
      recent: duration.default('1d'),
      old: z.union([duration, z.literal(false)]).optional(),
      tolerance: z.number().min(0).max(10).default(0.1),
      alpha: z.number().gt(0).lt(0.5).default(0.05),
      rows: z.int().min(2).default(200),
    })
    .prefault({}),
  shadow: z.union([z.literal(false), z.strictObject({ labels: z.int().min(50).default(500) })]).prefault({}),
  approval: z
    .strictObject({
      before: z.array(z.enum(STEPS)).min(1),
      within: duration.default('24h'),
      otherwise: z.enum(['approve', 'deny']).default('deny'),
    })
    .optional(),
  hours: z.strictObject({ from: hour, to: hour, days: z.array(z.enum(DAYS)).min(1).optional() }).optional(),
  hold: duration.default('7d'),
});

type Written = z.infer<typeof written>;

/** The facts of a model that its playbook needs. */
export interface PlaybookModel {
  readonly name: string;
  readonly service: { readonly features: readonly { readonly name: string; readonly type: ColumnSpec }[] };
  readonly train: { readonly windowMs: number | null };
  readonly playbook: Readonly<Record<string, unknown>>;
}

/** The playbook of a model with its defaults; null: it declares none. Error: MODEL_PLAYBOOK. */
export function playbookPlan(model: PlaybookModel): PlaybookPlan | null {
  if (Object.keys(model.playbook).length === 0) return null;
  const { success: isValid, data, error } = written.safeParse(model.playbook);
  if (!isValid) {
    const [issue] = error.issues;
    throw refused(model, issue.path.join('.'), issue.message.toLowerCase());
  }
  const { mode, owner, gate, hold } = data;
  return {
    mode,
    owner: owner ?? null,
    quality: qualityOf(model, data.quality),
    retrain: retrainOf(model, data.retrain),
    gate: gateOf(model, gate),
    shadow: data.shadow === false ? null : data.shadow,
    approval: approvalOf(model, data.approval),
    hours: hoursOf(model, data.hours),
    holdMs: durationOf(model, hold, 'hold'),
  };
}

/** The gate of a model's playbook; its defaults where the model declares no playbook. Error: MODEL_PLAYBOOK. */
export function gatePlan(model: PlaybookModel): PlaybookPlan['gate'] {
  return playbookPlan(model)?.gate ?? gateOf(model, written.parse({}).gate);
}

function gateOf(model: PlaybookModel, { recent, old, tolerance, alpha, rows }: Written['gate']): PlaybookPlan['gate'] {
  return {
    recentMs: durationOf(model, recent, 'gate.recent'),
    oldMs: old === false ? null : durationOf(model, old ?? OLD, 'gate.old'),
    oldAlways: old !== undefined && old !== false,
    tolerance,
    alpha,
    rows,
  };
}

function qualityOf(model: PlaybookModel, quality: Written['quality']): PlaybookPlan['quality'] {
  const types = new Map(model.service.features.map(({ name, type }) => [name, type]));
  for (const [name, value] of Object.entries(quality.defaults)) {
    const type = types.get(name);
    if (type === undefined) throw refused(model, 'quality.defaults', `${name} is no feature of its service`);
    if (value !== null && valueParser(type)(value) === null)
      throw refused(model, 'quality.defaults', `feature ${name} takes ${expectedOf(type)}, not ${value}`);
  }
  return quality;
}

function retrainOf(model: PlaybookModel, retrain: Written['retrain']): PlaybookPlan['retrain'] {
  if (retrain === false) return null;
  const { schedule, window, cooldown, ...rest } = retrain;
  if (schedule !== undefined && schedule.trim().split(/\s+/).length !== 5)
    throw refused(model, 'retrain.schedule', `${schedule} does not have five fields`);
  return {
    ...rest,
    schedule: schedule ?? null,
    windowMs: window === undefined ? model.train.windowMs : durationOf(model, window, 'retrain.window'),
    cooldownMs: durationOf(model, cooldown, 'retrain.cooldown'),
  };
}

function approvalOf(model: PlaybookModel, approval: Written['approval']): PlaybookPlan['approval'] {
  if (approval === undefined) return null;
  const { before, within, otherwise } = approval;
  return { before, withinMs: durationOf(model, within, 'approval.within'), otherwise };
}

function hoursOf(model: PlaybookModel, hours: Written['hours']): PlaybookPlan['hours'] {
  if (hours === undefined) return null;
  const [from, to] = [minutesOf(hours.from), minutesOf(hours.to)];
  if (from >= to) throw refused(model, 'hours', `${hours.from} is not before ${hours.to}`);
  return { from, to, days: (hours.days ?? DAYS).map((day) => DAYS.indexOf(day)) };
}

function minutesOf(text: string): number {
  const [hours = '', minutes = ''] = text.split(':');
  return 60 * Number(hours) + Number(minutes);
}

function durationOf(model: PlaybookModel, text: string, option: string): number {
  try {
    return parseDuration(text as DurationText, `playbook.${option} of model ${model.name}`);
  } catch (error) {
    if (!isHeadraceError(error)) throw error;
    throw refused(model, option, error.message);
  }
}

function refused({ name }: PlaybookModel, option: string, reason: string): Error {
  return fail('MODEL_PLAYBOOK', { model: name, option: option === '' ? 'playbook' : `playbook.${option}`, reason });
}
