import { type PointerEvent, useEffect, useRef, useState, type WheelEvent } from 'react';
import type { Timeline } from '../../../../src/gpu/diagnosis.ts';
import { durationText } from '../../look/format.ts';
import { drawTimeline, LANE_PX } from './draw-timeline.ts';
import css from './gpu.module.css';

/** The part of the step that is shown, microseconds. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/** The typical step, lane by lane, on a canvas: drag moves it, the wheel or the buttons zoom. */
export function StepTimeline({ timeline }: { readonly timeline: Timeline }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [span, setSpan] = useState<Span>({ from: 0, to: timeline.us });
  const dragged = useRef<number | null>(null);
  const shown = useRef(span);
  useEffect(() => {
    shown.current = span;
    const { current } = canvas;
    if (current === null) return;
    const frame = requestAnimationFrame(() => drawTimeline(current, timeline, span.from, span.to));
    return () => cancelAnimationFrame(frame);
  }, [timeline, span]);
  // Not again for each span: a new observer calls at once, and the frame would be drawn twice.
  useEffect(() => {
    const { current } = canvas;
    if (current === null) return;
    const draw = () => drawTimeline(current, timeline, shown.current.from, shown.current.to);
    const resize = new ResizeObserver(draw);
    resize.observe(current);
    window.addEventListener('themechange', draw);
    return () => {
      resize.disconnect();
      window.removeEventListener('themechange', draw);
    };
  }, [timeline]);
  const zoom = (factor: number, at = 0.5) => setSpan((before) => zoomed(before, factor, at, timeline.us));
  const onWheel = (event: WheelEvent) => {
    if (!event.ctrlKey && !event.shiftKey) return;
    const { left, width } = event.currentTarget.getBoundingClientRect();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, (event.clientX - left) / width);
  };
  const onMove = (event: PointerEvent) => {
    if (dragged.current === null) return;
    const moved = (dragged.current - event.clientX) / event.currentTarget.clientWidth;
    dragged.current = event.clientX;
    setSpan((before) => shifted(before, moved, timeline.us));
  };
  return (
    <figure>
      <figcaption className={css.controls}>
        <strong>{timeline.name}</strong>
        {durationText(span.from / 1_000)} to {durationText(span.to / 1_000)}
        <button type="button" onClick={() => zoom(0.5)}>
          Zoom in
        </button>
        <button type="button" onClick={() => zoom(2)}>
          Zoom out
        </button>
        <button
          type="button"
          onClick={() => setSpan((before) => shifted(before, -0.25, timeline.us))}
          aria-label="Earlier"
        >
          ←
        </button>
        <button
          type="button"
          onClick={() => setSpan((before) => shifted(before, 0.25, timeline.us))}
          aria-label="Later"
        >
          →
        </button>
      </figcaption>
      <canvas
        ref={canvas}
        className={css.canvas}
        height={timeline.lanes.length * LANE_PX + 20}
        role="img"
        aria-label={laneText(timeline)}
        onWheel={onWheel}
        onPointerDown={(event) => {
          dragged.current = event.clientX;
        }}
        onPointerMove={onMove}
        onPointerUp={() => {
          dragged.current = null;
        }}
        onPointerLeave={() => {
          dragged.current = null;
        }}
      />
    </figure>
  );
}

function laneText({ lanes }: Timeline): string {
  return `The step by lanes: ${lanes.map(({ name, blocks }) => `${name}, ${blocks.length} blocks`).join('; ')}`;
}

/** Least time that is shown, µs. */
const LEAST_US = 1;

function zoomed({ from, to }: Span, factor: number, at: number, us: number): Span {
  const length = Math.min(us, Math.max(LEAST_US, (to - from) * factor));
  const start = Math.min(us - length, Math.max(0, from + (to - from - length) * at));
  return { from: start, to: start + length };
}

function shifted({ from, to }: Span, by: number, us: number): Span {
  const length = to - from;
  const start = Math.min(us - length, Math.max(0, from + by * length));
  return { from: start, to: start + length };
}
