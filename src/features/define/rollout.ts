import { z } from 'zod';
import { fail } from '../../base/errors/fail.ts';
import { type DurationText, parseDuration } from '../../base/time.ts';
import { type Loss, type LossTask, lossesOf } from './rollout-loss.ts';

/** Where a hook is sent, and the variable that holds the secret which signs it. */
export interface RolloutHook {
  readonly url: string;
  readonly secret?: { readonly env: string };
}

/** How a new version of a model replaces its champion; everything has a default. */
export interface RolloutOptions<Column extends string = string> {
  /** Column of the service's request by which callers keep their cohort; without it a prediction's id. */
  readonly key?: Column;
  /** How long the candidate scores copies of requests before it answers any (`10m`); false: not at all. */
  readonly shadow?: DurationText | false;
  /** Percentages of callers that the canary answers, rising; up to 50, and 100 at the end for the promotion. */
  readonly steps?: readonly number[];
  /** Least time at each step (`10m`), and least requests of each cohort there (500). */
  readonly every?: DurationText;
  readonly requests?: number;
  /** Chance that a version as good as the champion is rolled back, over all metrics and all looks together (0.05). */
  readonly alpha?: number;
  readonly guardrails?: {
    /** Errors and timeouts beyond the baseline's (true). */
    readonly errors?: boolean;
    readonly timeouts?: boolean;
    /** Scores that are no finite number beyond the baseline's, and those outside of a range. */
    readonly nonFinite?: boolean;
    readonly range?: readonly [number, number];
    /** Slow predictions beyond the baseline's: slower than this; or (true) than the baseline's own p99, or three times its median. */
    readonly p99?: DurationText | boolean;
    /** Largest shift of the mean score, in standard deviations of the baseline's (0.25); false: any. */
    readonly scoreShift?: number | false;
    /** Largest Kolmogorov–Smirnov distance of scores (0.2); false: any. */
    readonly scoreDistance?: number | false;
  };
  /** Proof by labels before the promotion; false: guardrails alone decide. */
  readonly success?:
    | {
        readonly metric?: Loss;
        /**
         * How much worse than the baseline still passes, in the metric's unit; 5 % of the baseline's where it is left out. false:
         * all but a version that is certainly worse pass, for a gain that the paired shadow of the playbook proves before.
         */
        readonly margin?: number | false;
        /** Least share of each cohort's predictions with a label (0.5), and least labels of each cohort (200). */
        readonly coverage?: number;
        readonly labels?: number;
      }
    | false;
  /** How long the previous version stays loaded after the promotion (`1h`). */
  readonly soak?: DurationText;
  /** Asked before every rise and before the promotion: it continues with an answer of 200 and `{"confirm": true}`. */
  readonly confirm?: RolloutHook;
  /** Receives every event of a rollout, at least once, in order. */
  readonly events?: RolloutHook;
}

/**
 * How the scores of a version that won on labelled rows differ from the champion's on the same rows: the shift of the mean, in standard
 * deviations of the champion's, and the Kolmogorov–Smirnov distance.
 */
export interface ExplainedMove {
  readonly shift: number;
  readonly distance: number;
}

/** A rollout as it runs: everything resolved. Kept with the rollout, so that a later declaration changes none under way. */
export interface RolloutPlan {
  readonly key: string | null;
  /** ms; 0: no shadow. */
  readonly shadowMs: number;
  /** Percentages below 100. */
  readonly steps: readonly number[];
  readonly everyMs: number;
  readonly requests: number;
  readonly alpha: number;
  readonly guardrails: {
    readonly errors: boolean;
    readonly timeouts: boolean;
    readonly nonFinite: boolean;
    readonly range: readonly [number, number] | null;
    /** ms; `baseline`: its own p99. */
    readonly p99: number | 'baseline' | null;
    readonly scoreShift: number | null;
    readonly scoreDistance: number | null;
    /** The move of the scores that the candidate's training data explains; left out: none. */
    readonly explained?: ExplainedMove;
  };
  readonly success: {
    readonly metric: Loss;
    readonly margin: number | false | null;
    readonly coverage: number;
    readonly labels: number;
  } | null;
  readonly soakMs: number;
  readonly confirm: RolloutHook | null;
  readonly events: RolloutHook | null;
}

const hook = z.strictObject({ url: z.string(), secret: z.strictObject({ env: z.string().min(1) }).optional() });
const limit = z.union([z.number().positive(), z.literal(false)]);

const proof = z.strictObject({
  metric: z.string().optional(),
  margin: z.union([z.number().positive(), z.literal(false)]).optional(),
  coverage: z.number().min(0).max(1).default(0.5),
  labels: z.int().min(2).default(200),
});

const written = z.strictObject({
  key: z.string().optional(),
  shadow: z.union([z.string(), z.literal(false)]).default('10m'),
  steps: z.array(z.number().gt(0).max(100)).min(1).default([1, 5, 20, 50]),
  every: z.string().default('10m'),
  requests: z.int().min(1).default(500),
  alpha: z.number().gt(0).lt(0.5).default(0.05),
  guardrails: z
    .strictObject({
      errors: z.boolean().default(true),
      timeouts: z.boolean().default(true),
      nonFinite: z.boolean().default(true),
      range: z.tuple([z.number(), z.number()]).optional(),
      p99: z.union([z.string(), z.boolean()]).default(true),
      scoreShift: limit.default(0.25),
      scoreDistance: limit.default(0.2),
    })
    .prefault({}),
  success: z.union([z.literal(false), proof]).optional(),
  soak: z.string().default('1h'),
  confirm: hook.optional(),
  events: hook.optional(),
});

type Written = z.infer<typeof written>;

/** A model that is rolled out: one that a project declares, or one that a server has by its name alone. */
export interface RolledModel {
  readonly name: string;
  /** null: no label is known, nor the meaning of the scores. */
  readonly task: LossTask['task'] | null;
  readonly quantile: number | null;
  /** null: the model has no request columns; callers are known by the parameters of their requests. */
  readonly service: { readonly request: Readonly<Record<string, unknown>> } | null;
  /** As written. */
  readonly rollout: Readonly<Record<string, unknown>>;
}

/** Options that are for declared models alone: code that the project holds, or labels that it names. */
const DECLARED_ALONE = {
  key: 'a caller is known by the parameter headrace_key, or by the id of its request',
  success: 'no label is known of a model that the project does not declare; only false is possible',
  confirm: 'a hook is declared in the project',
  events: 'a hook is declared in the project',
} as const;

/** The rollout of a model with its defaults. Errors: MODEL_ROLLOUT, WINDOW_TEXT. */
export function rolloutPlan(model: RolledModel): RolloutPlan {
  const { success: isValid, data, error } = written.safeParse(model.rollout);
  if (!isValid) {
    const [issue] = error.issues;
    throw refused(model, issue.path.join('.'), issue.message.toLowerCase());
  }
  const { key, steps, requests, alpha, guardrails, confirm, events } = data;
  checkDeclared(model, data);
  const { range, p99, scoreShift, scoreDistance, ...flags } = guardrails;
  if (range !== undefined && !(range[0] < range[1]))
    throw refused(model, 'guardrails.range', 'its ends are not ascending');
  const ms = (text: string, option: string) => parseDuration(text, `rollout.${option} of model ${model.name}`);
  return {
    key: key ?? null,
    shadowMs: data.shadow === false ? 0 : ms(data.shadow, 'shadow'),
    steps: checkedSteps(model, steps),
    everyMs: ms(data.every, 'every'),
    requests,
    alpha,
    guardrails: {
      ...flags,
      range: range ?? null,
      p99: typeof p99 === 'string' ? ms(p99, 'guardrails.p99') : p99 ? 'baseline' : null,
      scoreShift: scoreShift === false ? null : scoreShift,
      scoreDistance: scoreDistance === false ? null : scoreDistance,
    },
    success: successOf(model, data.success),
    soakMs: ms(data.soak, 'soak'),
    confirm: hookOf(model, 'confirm', confirm),
    events: hookOf(model, 'events', events),
  };
}

/** Refuses options that need a declared model, and a key that is no column of its request. */
function checkDeclared(model: RolledModel, data: Written): void {
  const { service } = model;
  const { key } = data;
  if (service === null) {
    for (const [option, reason] of Object.entries(DECLARED_ALONE)) {
      const value = data[option as keyof typeof DECLARED_ALONE];
      if (value !== undefined && value !== false) throw refused(model, option, reason);
    }
  } else if (key !== undefined && !Object.hasOwn(service.request, key))
    throw refused(model, 'key', `the request has no column "${key}"; it has ${names(Object.keys(service.request))}`);
}

/** Ascending, and up to 50: beyond it there is no baseline of equal size. A last step of 100 is the promotion. */
function checkedSteps(model: RolledModel, steps: readonly number[]): readonly number[] {
  const below = steps.at(-1) === 100 ? steps.slice(0, -1) : steps;
  if (below.length === 0) throw refused(model, 'steps', 'there is none below 100');
  below.forEach((step, i) => {
    if (i > 0 && step <= below[i - 1]) throw refused(model, 'steps', `${step} does not follow ${below[i - 1]} upwards`);
    if (step > 50) throw refused(model, 'steps', `${step} leaves no baseline of equal size: a step is at most 50`);
    if (!Number.isInteger(step * 100)) throw refused(model, 'steps', `${step} has more than two decimals`);
  });
  return below;
}

function successOf(model: RolledModel, success: Written['success']): RolloutPlan['success'] {
  const { task, quantile } = model;
  if (success === false || task === null) return null;
  const { metric, margin = null, coverage, labels } = success ?? proof.parse({});
  const known = lossesOf({ task, quantile });
  const loss = metric === undefined ? known[0] : known.find((one) => one === metric);
  if (loss === undefined)
    throw refused(model, 'success.metric', `"${metric}" is no metric of this model; there are ${names(known)}`);
  return { metric: loss, margin, coverage, labels };
}

function hookOf(
  model: RolledModel,
  option: string,
  hook: RolloutHook | z.infer<typeof written>['confirm'],
): RolloutHook | null {
  if (hook === undefined) return null;
  const protocol = URL.parse(hook.url)?.protocol;
  if (protocol !== 'http:' && protocol !== 'https:')
    throw refused(model, `${option}.url`, `"${hook.url}" is no http address`);
  return { url: hook.url, ...(hook.secret === undefined ? {} : { secret: hook.secret }) };
}

function names(all: readonly string[]): string {
  return all.map((one) => `"${one}"`).join(', ');
}

function refused({ name }: RolledModel, option: string, reason: string): Error {
  return fail('MODEL_ROLLOUT', { model: name, option: option === '' ? 'rollout' : `rollout.${option}`, reason });
}
