import { countText, numberText, shareText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { State } from '../../look/state.tsx';
import css from './drift.module.css';
import { TONES } from './monitors.tsx';
import { ComparedSlices } from './slices.tsx';
import type { Comparison } from './window.ts';

type Feature = Comparison['features'][number];

/** A version without the profile of its training set has nothing to compare with. */
export function NoReference() {
  return (
    <Empty command="npx headrace train <model>">This version has no profile of its training set. A new one has:</Empty>
  );
}

/** Every compared feature, the worst first, and the two distributions of the chosen one. */
export function DriftedFeatures(props: {
  readonly comparison: Comparison;
  readonly feature: string | undefined;
  readonly onFeature: (name: string) => void;
}) {
  const { comparison, feature, onFeature } = props;
  const { features, falseAlarms, faults, slices } = comparison;
  const chosen = features.find(({ name }) => name === feature) ?? features[0];
  return (
    <>
      {faults.map(({ kind, columns, text }) => (
        <p key={`${kind} ${columns.join(' ')} ${text}`}>
          <State tone="bad">{kind}</State> {columns.join(', ')}: {text}
        </p>
      ))}
      <Rows
        label="Features against the training set"
        rows={features}
        keyOf={({ name }) => name}
        chosen={chosen?.name ?? null}
        columns={[
          { title: 'State', cell: ({ state }) => <State tone={TONES[state] ?? 'idle'}>{state}</State> },
          {
            title: 'Feature',
            cell: ({ name }) => (
              <button
                type="button"
                data-kind="plain"
                aria-pressed={name === chosen?.name}
                onClick={() => onFeature(name)}
              >
                {name}
              </button>
            ),
          },
          { title: 'Effect, PSI', isFigure: true, cell: ({ effect }) => numberText(effect?.debiasedPsi) },
          { title: 'Limit', isFigure: true, cell: ({ limit }) => numberText(limit?.psi) },
          {
            title: 'Null',
            isFigure: true,
            cell: ({ missing, rows }) => shareText(missing.current / Math.max(1, rows.current)),
          },
          { title: 'Why', isSentence: true, cell: ({ reason }) => reason },
        ]}
      />
      {chosen !== undefined && <Distributions feature={chosen} />}
      {slices.length > 0 && <ComparedSlices slices={slices} />}
      {falseAlarms.map(({ rule, flagged, perQuarter }) => (
        <p key={rule} className={css.quiet}>
          The rule {rule} flags {countText(flagged, 'feature')} here. On data like the training set, chance gives it{' '}
          {perQuarter === null
            ? 'an unknown number of'
            : perQuarter < 0.01
              ? 'fewer than 0.01'
              : numberText(perQuarter)}{' '}
          alarms in three months.
        </p>
      ))}
    </>
  );
}

/** The share of rows by bin: the training set as a line, the window as bars. */
function Distributions({ feature: { name, bins, rows } }: { readonly feature: Feature }) {
  if (bins === null) return null;
  const reference = sharesOf(bins.reference);
  const current = sharesOf(bins.current);
  const most = Math.max(...reference, ...current, 1e-9);
  const width = 100 / reference.length;
  const { edges = [] } = bins.frozen;
  const names = binNames(bins.frozen);
  return (
    <figure>
      <figcaption>
        <strong>{name}</strong>: bars are {numberText(rows.current)} rows of the window, the line{' '}
        {numberText(rows.reference)} rows of the training set. The highest bin has {shareText(most)} of its rows.
      </figcaption>
      <svg
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
        className={css.bins}
        role="img"
        aria-label={`Distributions of ${name}`}
      >
        {current.map((share, i) => (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bin is its place
            key={i}
            className={css.current}
            x={i * width}
            y={100 - (96 * share) / most}
            width={width * 0.96}
            height={(96 * share) / most}
          >
            <title>{`${names[i]}: ${shareText(reference[i])}, now ${shareText(share)}`}</title>
          </rect>
        ))}
        <path
          className={css.reference}
          d={stepsOf(
            reference.map((share) => 100 - (96 * share) / most),
            width,
          )}
        />
      </svg>
      <div className={css.axis}>
        <span>{edges.length === 0 ? 'first value' : `below ${numberText(edges[0])}`}</span>
        <span>{edges.length === 0 ? 'unseen values' : `from ${numberText(edges.at(-1))}`}</span>
      </div>
    </figure>
  );
}

/** The bins in words; the last is of missing values. */
function binNames({ edges = [], values = [], kind }: NonNullable<Feature['bins']>['frozen']): readonly string[] {
  if (kind === 'values') return [...values, 'others', 'missing'];
  const texts = edges.map((edge) => numberText(edge));
  const between = texts.map((edge, i) => (i === 0 ? `below ${edge}` : `${texts[i - 1]} to ${edge}`));
  return [...between, texts.length === 0 ? 'all' : `from ${texts.at(-1)}`, 'missing'];
}

function sharesOf(counts: readonly number[]): readonly number[] {
  const sum = counts.reduce((all, one) => all + one, 0);
  return counts.map((one) => (sum === 0 ? 0 : one / sum));
}

function stepsOf(heights: readonly number[], width: number): string {
  return heights.map((y, i) => `${i === 0 ? 'M' : 'L'}${i * width} ${y}H${(i + 1) * width}`).join('');
}
