/** Ways to serve one model. */
export const servingModes = ['online', 'streaming', 'batch'] as const;
export type ServingMode = (typeof servingModes)[number];

/** The asker: a caller that waits, an event in a topic, or nobody in particular, since all questions are known beforehand. */
export const askers = ['caller', 'event', 'known'] as const;

/** Use of labels: none, realised quality over time, or a canary that labels decide. */
export const labelUses = ['none', 'quality', 'canary'] as const;

/** The requirements of a use of a model. */
export interface ModeFacts {
  readonly asks: (typeof askers)[number];
  /** Longest time from the question to its answer, ms. */
  readonly latencyMs: number;
  /** How old features may be when they are scored, ms. */
  readonly freshnessMs: number;
  /** Predictions a day. */
  readonly perDay: number;
  readonly labels: (typeof labelUses)[number];
}

/** Core seconds of a million predictions by mode; null: not measured. */
export type ModeCosts = Readonly<Record<ServingMode, number | null>>;

/** One mode for these facts. */
export interface ModeVerdict {
  readonly mode: ServingMode;
  readonly fits: boolean;
  /** In full sentences: why it does not fit, or what to know. */
  readonly reasons: readonly string[];
  /** Core seconds a day, those of a waiting server included; null: not measured. */
  readonly coreSecondsADay: number | null;
}

/** The mode to choose, and every mode with its reasons. */
export interface ModeAdvice {
  readonly mode: ServingMode;
  readonly why: string;
  readonly verdicts: readonly ModeVerdict[];
}

/** A stream answers this long after its event, about, ms: it looks for events several times a second, and scores them together. */
const STREAM_MS = 1_000;

/** A batch job takes this long at least, with its start and its commit, ms; features are as old as that when the last row is scored. */
const BATCH_MS = 60_000;

const DAY_S = 86_400;
const MILLION = 1e6;

/** Chooses a mode. Of those that fit the cheapest; without costs batch before streaming before online. */
export function adviseMode(facts: ModeFacts, costs: ModeCosts): ModeAdvice {
  const verdicts = servingModes.map((mode) => verdictOf(mode, facts, costs[mode]));
  // Of equal ones the mode with the least machinery comes first.
  const fitting = verdicts.filter(({ fits }) => fits).toReversed();
  const cheapest = fitting.toSorted((a, b) => costOf(a) - costOf(b));
  const [best] = cheapest.some(({ coreSecondsADay }) => coreSecondsADay === null) ? fitting : cheapest;
  return { mode: best.mode, why: whyOf(best, fitting.length, facts), verdicts };
}

function costOf({ coreSecondsADay }: ModeVerdict): number {
  return coreSecondsADay ?? Number.POSITIVE_INFINITY;
}

function whyOf({ mode, coreSecondsADay }: ModeVerdict, fitting: number, { asks }: ModeFacts): string {
  if (fitting === 1 && mode === 'online')
    return asks === 'caller' ? 'a caller waits for the answer' : 'no other mode is fast enough';
  if (fitting === 1) return 'no other mode fits';
  const measured = coreSecondsADay === null ? 'it needs the least machinery' : 'it takes the least processor time';
  return `${fitting} modes fit, and ${measured}`;
}

function verdictOf(mode: ServingMode, facts: ModeFacts, perMillion: number | null): ModeVerdict {
  const against = faultsOf(mode, facts);
  const work = perMillion === null ? null : (perMillion * facts.perDay) / MILLION;
  // Online and streaming need a process that waits; its core is counted whole, unless the work takes more.
  const coreSecondsADay = work === null ? null : mode === 'batch' ? work : Math.max(DAY_S, work);
  return {
    mode,
    fits: against.length === 0,
    reasons: against.length > 0 ? against : notesOf(mode, facts),
    coreSecondsADay,
  };
}

/** Why a mode does not fit. */
function faultsOf(mode: ServingMode, { asks, latencyMs, freshnessMs }: ModeFacts): readonly string[] {
  switch (mode) {
    case 'online':
      return [];
    case 'streaming':
      return [
        ...(asks === 'event' ? [] : ['no event asks: a stream scores the events of a source']),
        ...(latencyMs >= STREAM_MS ? [] : [`a stream answers about ${STREAM_MS / 1_000} s after the event`]),
      ];
    case 'batch':
      return [
        ...(asks === 'known' ? [] : ['the questions are not known beforehand: a file of rows has all of them']),
        ...(latencyMs >= BATCH_MS ? [] : ['a job takes a minute at least']),
        ...(freshnessMs >= BATCH_MS ? [] : ['features would be as old as the job takes']),
      ];
    default:
      return mode satisfies never;
  }
}

/** Advice on a mode that fits. */
function notesOf(mode: ServingMode, { asks, labels, latencyMs }: ModeFacts): readonly string[] {
  switch (mode) {
    case 'online':
      return [
        ...(asks === 'event'
          ? ['a consumer of the topic would call the server for each event, and would retry by itself']
          : []),
        ...(asks === 'known' ? ['a server waits for calls that a job could answer at once'] : []),
        ...(labels === 'canary' ? ['a canary and its baseline split the callers, and labels judge both'] : []),
      ];
    case 'streaming':
      return [
        'each event has exactly one answer, by the version of its offset',
        ...(labels === 'canary' ? ['a canary takes a share of the keys'] : []),
      ];
    case 'batch':
      return [
        `run it at least every ${everyText(latencyMs)}`,
        ...(labels === 'none' ? [] : ['predictions of a file wait for no label: compare outputs with labels yourself']),
        ...(labels === 'canary' ? ['there is no canary: compare two outputs of one file'] : []),
      ];
    default:
      return mode satisfies never;
  }
}

function everyText(ms: number): string {
  const minutes = Math.max(1, Math.floor(ms / 60_000));
  return minutes < 120 ? `${minutes} minutes` : `${Math.floor(minutes / 60)} hours`;
}
