import { check, type DriftRun, openedOf, promotedOf } from './run.ts';

/** Rows are ten minutes apart: a window of a week has 1,008. */
const ROW_MS = 600_000;
const WEEK_MS = 604_800_000;

/** Weeks from a change to the page that is still its own. */
const WEEKS = 6;

interface Stream {
  readonly file: string;
  /** Rows at which the concept changes; of gradual ones the first is known, the others are about here. */
  readonly changes: readonly number[];
  /** Changes that a person would see: the loss of a frozen model rises. */
  readonly found: number;
}

const STREAMS: readonly Stream[] = [
  { file: 'mixed_0101_abrupto', changes: [10_000, 20_000, 30_000], found: 3 },
  { file: 'sea_3210_abrupto_noise_0.2', changes: [10_000, 20_000, 30_000], found: 1 },
  { file: 'stagger_2102_abrupto', changes: [10_000, 20_000, 30_000], found: 3 },
  { file: 'stagger_0120_gradual', changes: [8506, 18_506, 28_506], found: 2 },
  { file: 'sine_3210_gradual', changes: [8506, 18_506, 28_506], found: 2 },
];

/** Concept changes of labelled streams: features stay, labels mean something else. */
export const streamRuns: readonly DriftRun[] = STREAMS.map(({ file, changes, found }) => ({
  name: file,
  files: [`drift/streams/raw/${file}.csv.gz`],
  prepare: null,
  args: ['--label', 'class', '--share', '0.2'],
  checks: (replay) => {
    const pages = openedOf(replay, 'conceptDrift').map(({ at }) => at);
    const own = (page: number) =>
      changes.filter((row) => page >= row * ROW_MS && page < row * ROW_MS + WEEKS * WEEK_MS);
    const hits = new Set(pages.flatMap(own));
    const foreign = pages.filter((page) => own(page).length === 0);
    return [
      check(`at least ${found} changes are found`, hits.size >= found, `${hits.size} of ${changes.length}`),
      check('no page without a change', foreign.length === 0, foreign.length),
      check(
        'each page ends in a new champion',
        promotedOf(replay) >= found,
        `${promotedOf(replay)} promoted, ${pages.length} pages`,
      ),
    ];
  },
}));
