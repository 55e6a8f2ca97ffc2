import { awaitedMs } from '../../model/label-maturity.ts';
import { type Known, type KnownCodec, KnownIds, type KnownIdsOptions } from './known-ids.ts';

/**
 * The outcomes of predictions and labels since counting began. At every instant
 * `predictions = labelled + unlabelled + pending` and
 * `labels = (labelled − assumed) + duplicateLabels + outOfTimeLabels + orphanLabels + waitingLabels`.
 */
export interface LabelCounters {
  predictions: number;
  labelled: number;
  /** Of those labelled: none came, and `otherwise` stands for it. */
  assumed: number;
  /** Its time ran out without a label. */
  unlabelled: number;
  pending: number;
  labels: number;
  /** A further label for one prediction: the first counts. */
  duplicateLabels: number;
  /** Labels from before their prediction's instant, or from after its time. */
  outOfTimeLabels: number;
  /** Labels for which no prediction came, or whose prediction's time had run out. */
  orphanLabels: number;
  /** Labels whose prediction has not come yet. */
  waitingLabels: number;
  /** A second prediction under one id: the first counts. */
  duplicatePredictions: number;
}

/** A prediction as the join remembers it. */
export interface JoinedPrediction {
  readonly at: number;
  readonly version: number;
  readonly score: number;
}

/** A prediction with its label. */
export interface JudgedPrediction extends JoinedPrediction {
  readonly label: number;
  /** No event said it: it is the declared `otherwise`. */
  readonly assumed: boolean;
}

export interface LabelJoinOptions extends KnownIdsOptions {
  /** How long after a prediction's instant the time of its label may be, ms. */
  readonly withinMs: number;
  /** How late after its time a label may arrive, ms: the lateness of its source. */
  readonly latenessMs: number;
  /** The label where none came; null: it stays without. */
  readonly otherwise: number | null;
  /** Takes each prediction once, when it comes. */
  readonly predicted: (prediction: JoinedPrediction) => void;
  /** Takes each prediction at most once, when its label is known. */
  readonly judged: (prediction: JudgedPrediction) => void;
  /** Takes each prediction at most once, when its time is over and it stays without a label. */
  readonly unlabelled: (prediction: JoinedPrediction) => void;
}

interface Label {
  readonly time: number;
  readonly label: number;
}

/** The known facts of an id. A pending one ends with the last instant of its label; `until`: another prediction by then is the same one. */
type KnownId = Known &
  (
    | { readonly kind: 'early'; readonly labels: readonly Label[] }
    | { readonly kind: 'pending'; readonly until: number; readonly prediction: JoinedPrediction }
    | { readonly kind: 'done' }
  );

/** A done id has one number (`ends`), a prediction five, labels an even count: `ends`, a zero, then time and label of each by turns. */
const CODEC: KnownCodec<KnownId> = {
  count: (known) => (known.kind === 'early' ? 2 + 2 * known.labels.length : known.kind === 'done' ? 1 : 5),
  encode: (known) => {
    if (known.kind === 'done') return Float64Array.of(known.ends);
    if (known.kind === 'early')
      return Float64Array.from([known.ends, 0, ...known.labels.flatMap(({ time, label }) => [time, label])]);
    const { at, version, score } = known.prediction;
    return Float64Array.of(known.ends, known.until, at, version, score);
  },
  decode: (numbers) => {
    const [ends] = numbers;
    if (numbers.length === 1) return { kind: 'done', ends };
    if (numbers.length === 5) {
      const [, until, at, version, score] = numbers;
      return { kind: 'pending', ends, until, prediction: { at, version, score } };
    }
    const labels: Label[] = [];
    for (let i = 2; i < numbers.length; i += 2) labels.push({ time: numbers[i], label: numbers[i + 1] });
    return { kind: 'early', ends, labels };
  },
};

/**
 * Joins labels to predictions by id as they come, in whatever order: a label before its prediction waits for it. It remembers
 * what may still meet: ids younger than `awaitedMs`, the newest of them in memory. A label counts if its
 * time lies within [at, at + withinMs]; of several that wait for a prediction the earliest counts, afterwards the first to arrive.
 * An id that is predicted again while its earlier prediction is remembered is no new one, and is remembered for longer.
 * Errors of every method: those of the store, and the join is useless then.
 */
export class LabelJoin {
  readonly counters: LabelCounters = noCounts();
  readonly #options: LabelJoinOptions;
  readonly #keepMs: number;
  readonly #known: KnownIds<KnownId>;
  readonly #ended = (known: KnownId) => this.#endAt(known, this.#now);
  /** The instant for which ids end. */
  #now = Number.NEGATIVE_INFINITY;

  constructor(options: LabelJoinOptions) {
    this.#options = options;
    this.#keepMs = awaitedMs({ withinMs: options.withinMs, from: options });
    this.#known = new KnownIds(this.#keepMs, CODEC, options);
  }

  /** Ids that it remembers, and how many of them are not in memory. */
  get ids(): { readonly known: number; readonly stored: number } {
    return { known: this.#known.size, stored: this.#known.stored };
  }

  /** Takes a prediction: its id, the instant it is of, the version and the score. */
  predict(id: string, at: number, version: number, score: number): void {
    const ends = at + this.#keepMs;
    const known = this.#earlierOf(id, at);
    if (known !== undefined && known.kind !== 'early') {
      this.counters.duplicatePredictions += 1;
      this.#known.keep(id, rememberedUntil(known, ends));
      return;
    }
    const prediction = { at, version, score };
    this.counters.predictions += 1;
    this.#options.predicted(prediction);
    const label = known === undefined ? null : this.#chosen(known.labels, at);
    if (label === null) {
      this.counters.pending += 1;
      this.#known.keep(id, { kind: 'pending', ends, until: ends, prediction });
    } else {
      this.#known.keep(id, { kind: 'done', ends });
      this.#settle(prediction, label.label, false);
    }
  }

  /** Takes a label and its time. */
  label(id: string, time: number, label: number): void {
    this.counters.labels += 1;
    const known = this.#known.find(id, this.#ended);
    const ends = time + this.#keepMs;
    switch (known?.kind) {
      case undefined:
        this.counters.waitingLabels += 1;
        this.#known.keep(id, { kind: 'early', ends, labels: [{ time, label }] });
        break;
      case 'early':
        this.counters.waitingLabels += 1;
        this.#known.keep(id, {
          kind: 'early',
          ends: Math.min(ends, known.ends),
          labels: [...known.labels, { time, label }],
        });
        break;
      case 'done':
        this.counters.duplicateLabels += 1;
        break;
      case 'pending':
        if (!this.#counts(time, known.prediction.at)) {
          this.counters.outOfTimeLabels += 1;
          break;
        }
        this.counters.pending -= 1;
        this.#known.keep(id, { kind: 'done', ends: known.until });
        this.#settle(known.prediction, label, false);
        break;
      default:
        known satisfies never;
    }
  }

  /** Ends what can meet nothing any more at `now`; Infinity ends everything. */
  expire(now: number): void {
    if (this.#known.isDue(now)) for (const _ of this.expiring(now));
  }

  /** As `expire`, in steps: between two of them nothing is found that has ended. */
  expiring(now: number): Iterable<unknown> {
    this.#now = now;
    return this.#known.expire(now, this.#ended);
  }

  /** Counts from now on: what still waits stays counted. */
  countFromHere(): void {
    const { pending, waitingLabels } = this.counters;
    Object.assign(this.counters, noCounts(), {
      predictions: pending,
      pending,
      labels: waitingLabels,
      waitingLabels,
    });
  }

  /** Forgets every id, and gives its memory back. Error: that of the store. */
  close(): void {
    this.#known.close();
    this.#options.store.clear();
  }

  /** The known facts of an id that is predicted, without those whose time was over by the instant of the prediction. */
  #earlierOf(id: string, at: number): KnownId | undefined {
    const known = this.#known.find(id, this.#ended);
    if (known === undefined || known.kind === 'early' || known.ends >= at) return known;
    const left = this.#endAt(known, at);
    if (left === null) this.#known.drop(id);
    else this.#known.keep(id, left);
    return left ?? undefined;
  }

  /** The facts that are left of an id that has ended: of labels, each waits its own time, also if others wait for the same prediction. */
  #endAt(known: KnownId, now: number): KnownId | null {
    if (known.kind === 'done') return null;
    if (known.kind === 'pending') {
      this.#endPending(known.prediction);
      return known.until < now ? null : { kind: 'done', ends: known.until };
    }
    const labels = known.labels.filter(({ time }) => time + this.#keepMs >= now);
    const ended = known.labels.length - labels.length;
    this.counters.waitingLabels -= ended;
    this.counters.orphanLabels += ended;
    if (labels.length === 0) return null;
    return { kind: 'early', labels, ends: Math.min(...labels.map(({ time }) => time + this.#keepMs)) };
  }

  #counts(time: number, at: number): boolean {
    return time >= at && time <= at + this.#options.withinMs;
  }

  /** The earliest of the waiting labels that counts; the others are counted as what they are. */
  #chosen(labels: readonly Label[], at: number): Label | null {
    const valid = labels.filter(({ time }) => this.#counts(time, at));
    this.counters.waitingLabels -= labels.length;
    this.counters.outOfTimeLabels += labels.length - valid.length;
    if (valid.length === 0) return null;
    this.counters.duplicateLabels += valid.length - 1;
    return valid.reduce((earliest, one) => (one.time < earliest.time ? one : earliest));
  }

  #settle(prediction: JoinedPrediction, label: number, assumed: boolean): void {
    this.counters.labelled += 1;
    this.#options.judged({ ...prediction, label, assumed });
  }

  #endPending(prediction: JoinedPrediction): void {
    const { otherwise } = this.#options;
    this.counters.pending -= 1;
    if (otherwise === null) {
      this.counters.unlabelled += 1;
      this.#options.unlabelled(prediction);
      return;
    }
    this.counters.assumed += 1;
    this.#settle(prediction, otherwise, true);
  }
}

/** The facts of a prediction that came again, remembered for longer. */
function rememberedUntil(known: Exclude<KnownId, { readonly kind: 'early' }>, until: number): KnownId {
  if (known.kind === 'pending') return until <= known.until ? known : { ...known, until };
  return until <= known.ends ? known : { kind: 'done', ends: until };
}

function noCounts(): LabelCounters {
  return {
    predictions: 0,
    labelled: 0,
    assumed: 0,
    unlabelled: 0,
    pending: 0,
    labels: 0,
    duplicateLabels: 0,
    outOfTimeLabels: 0,
    orphanLabels: 0,
    waitingLabels: 0,
    duplicatePredictions: 0,
  };
}
