import { numberText } from '../../look/format.ts';
import css from './models.module.css';
import { valueNames } from './run-rows.ts';
import type { Run } from './runs.tsx';

/** Runs that are drawn: more lines are a grey area. */
const MOST_LINES = 400;
/** Axes: metrics first, then params that are numbers. */
const MOST_AXES = 8;

const WIDTH = 1_000;
const HEIGHT = 260;
const TOP = 26;
const BOTTOM = 20;

/** An axis with the value of each run. */
interface Axis {
  readonly name: string;
  readonly least: number;
  readonly greatest: number;
  readonly readValue: (run: Run) => number | null;
}

/** Each run as a line over the axes of its metrics and numeric params; the chosen ones stand out. */
export function ParallelRuns({ runs, chosen }: { readonly runs: readonly Run[]; readonly chosen: readonly string[] }) {
  const drawn = runs.slice(0, MOST_LINES);
  const axes = axesOf(drawn);
  if (axes.length < 2 || drawn.length < 2) return null;
  const xOf = (i: number) => 60 + (i * (WIDTH - 120)) / (axes.length - 1);
  const ordered = drawn.toSorted((a, b) => Number(chosen.includes(a.id)) - Number(chosen.includes(b.id)));
  return (
    <figure>
      <figcaption>
        {numberText(drawn.length)} of {numberText(runs.length)} runs over their metrics and numeric params, in the order
        of the table. {chosen.length > 0 ? 'The chosen ones stand out.' : 'Choose runs to make them stand out.'}
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        className={css.parallel}
        role="img"
        aria-label={`Runs over ${axes.map(({ name }) => name).join(', ')}`}
      >
        {ordered.map((run) => (
          <path key={run.id} d={lineOf(run, axes, xOf)} className={css.line} data-chosen={chosen.includes(run.id)} />
        ))}
        {axes.map(({ name, least, greatest }, i) => (
          <g key={name} className={css.axis}>
            <line x1={xOf(i)} x2={xOf(i)} y1={TOP} y2={HEIGHT - BOTTOM} />
            <text x={xOf(i)} y={12}>
              {name.slice(0, 18)}
            </text>
            <text x={xOf(i)} y={TOP - 3} data-small>
              {numberText(greatest)}
            </text>
            <text x={xOf(i)} y={HEIGHT - 6} data-small>
              {numberText(least)}
            </text>
          </g>
        ))}
      </svg>
    </figure>
  );
}

function axesOf(runs: readonly Run[]): readonly Axis[] {
  const { metrics, params } = valueNames(runs);
  const all = [
    ...metrics.map((name) => ({ name, readValue: (run: Run) => run.metrics[name] ?? null })),
    ...params.map((name) => ({ name, readValue: (run: Run) => numberOf(run.params[name]) })),
  ];
  return all
    .flatMap((axis): readonly Axis[] => {
      const values = runs.flatMap((run) => axis.readValue(run) ?? []);
      if (values.length < 2) return [];
      const [least, greatest] = [Math.min(...values), Math.max(...values)];
      return greatest > least ? [{ ...axis, least, greatest }] : [];
    })
    .slice(0, MOST_AXES);
}

function numberOf(text: string | undefined): number | null {
  const value = text === undefined || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
}

/** Shows a value without neighbours: the round end of a line of this length is a point. */
const POINT = 'h.01';

/** A line that breaks where a run has no value. */
function lineOf(run: Run, axes: readonly Axis[], xOf: (i: number) => number): string {
  let isBroken = true;
  return axes
    .map(({ readValue, least, greatest }, i) => {
      const value = readValue(run);
      if (value === null) {
        isBroken = true;
        return '';
      }
      const y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - least) / (greatest - least));
      const place = `${xOf(i).toFixed(1)} ${y.toFixed(1)}`;
      const step = isBroken ? `M${place}${POINT}` : `L${place}`;
      isBroken = false;
      return step;
    })
    .join('');
}
