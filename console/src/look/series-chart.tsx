import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { numberText } from './format.ts';
import { lonePoints } from './lone-points.ts';
import css from './series-chart.module.css';

/** One line of a chart. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** A limit is dashed: it is judged against. */
  readonly isLimit?: boolean;
}

/** Lines over time or over a number, with units at the axis. The text says in words what the lines show. */
export function SeriesChart(props: {
  /** In one sentence, for those who do not see it. */
  readonly label: string;
  /** Epoch seconds, or any number. */
  readonly x: readonly number[];
  readonly isTime?: boolean;
  readonly xUnit?: string;
  readonly unit: string;
  readonly series: readonly Series[];
  readonly height?: number;
}) {
  const { label, x, isTime = true, xUnit = '', unit, series, height = 200 } = props;
  const place = useRef<HTMLDivElement>(null);
  const shape = JSON.stringify([isTime, unit, xUnit, height, series.map(({ name, isLimit }) => [name, isLimit])]);
  const chart = useRef<uPlot | null>(null);
  const data = [[...x], ...series.map(({ values }) => [...values])] as unknown as uPlot.AlignedData;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the shape names all that the chart is made of
  useEffect(() => {
    const { current } = place;
    if (current === null) return;
    const made = new uPlot(optionsOf({ ...props, isTime, xUnit, height }, current), data, current);
    chart.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: current.clientWidth, height }));
    const redraw = () => made.redraw(true, true);
    resize.observe(current);
    window.addEventListener('themechange', redraw);
    return () => {
      resize.disconnect();
      window.removeEventListener('themechange', redraw);
      made.destroy();
      chart.current = null;
    };
  }, [shape]);
  useEffect(() => chart.current?.setData(data), [data]);
  return (
    <figure className={css.chart}>
      <div ref={place} role="img" aria-label={label} />
    </figure>
  );
}

/** A value without neighbours, px. */
const POINT_PX = 6;

type Props = Parameters<typeof SeriesChart>[0] & { isTime: boolean; xUnit: string; height: number };

function optionsOf({ series, isTime, unit, xUnit, height }: Props, place: HTMLElement): uPlot.Options {
  const axis = {
    stroke: () => colour('--ink-quiet'),
    grid: { stroke: () => colour('--line'), width: 1 },
    ticks: { stroke: () => colour('--line'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    width: Math.max(200, place.clientWidth),
    height,
    cursor: { drag: { x: true, y: false } },
    legend: { live: true },
    scales: { x: { time: isTime } },
    axes: [
      isTime
        ? { ...axis, values: (_, splits) => splits.map((at) => tickText(at, splits)) }
        : { ...axis, values: (_, splits) => splits.map((value) => `${numberText(value)} ${xUnit}`.trim()) },
      { ...axis, size: 74, values: (_, splits) => splits.map((value) => `${numberText(value)} ${unit}`.trim()) },
    ],
    series: [
      isTime ? {} : { value: (_, value) => (value === null ? '–' : `${numberText(value)} ${xUnit}`) },
      ...series.map(({ name, isLimit = false }, i) => ({
        label: name,
        stroke: () => colour(isLimit ? '--bad' : `--series-${1 + (i % 6)}`),
        width: isLimit ? 1 : 1.6,
        ...(isLimit ? { dash: [5, 4] } : {}),
        points: {
          show: () => false,
          size: POINT_PX,
          fill: () => colour(isLimit ? '--bad' : `--series-${1 + (i % 6)}`),
          filter: ({ data }: uPlot, of: number) => lonePoints(data[of] ?? []),
        },
        value: (_: uPlot, value: number | null) => (value === null ? '–' : `${numberText(value)} ${unit}`.trim()),
      })),
    ],
  };
}

function colour(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}

const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const minute = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

/** A tick in the zone of the viewer: its day where the ticks span several, and at midnight. */
function tickText(at: number, all: readonly number[]): string {
  const spanS = (all.at(-1) ?? at) - (all[0] ?? at);
  const time = minute.format(at * 1_000);
  return spanS > 172_800 || time === '00:00' ? day.format(at * 1_000) : time;
}
