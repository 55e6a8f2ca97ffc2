import type { Capture, CaptureEvent } from '../../../src/labs/captures/capture.ts';

/**
 * Alters a capture at random times: everything from `at` on moves later by `us`, so that the GPU idles there. One frame shows
 * the work of the host during that time; without it, the time has no frame.
 */
export function insertGap(
  capture: Capture,
  at: number,
  us: number,
  frame: Pick<CaptureEvent, 'cat' | 'name' | 'tid' | 'pid'>,
): Capture {
  const moved = capture.events.map((event) => {
    if (event.ts >= at) return { ...event, ts: event.ts + us };
    // Marks and frames around the gap grow with it; kernels that run have ended before.
    return event.ts + event.dur > at ? { ...event, dur: event.dur + us } : event;
  });
  const host: CaptureEvent = { ph: 'X', ...frame, ts: at, dur: us, args: {} };
  return { ...capture, events: [...moved, host] };
}

/** Takes out all idle time of the GPU that is longer than `longestUs`, by moving what follows earlier. */
export function removeGaps(capture: Capture, longestUs: number): Capture {
  const gpu = capture.events
    .filter(({ cat }) => cat === 'kernel' || cat === 'gpu_memcpy' || cat === 'gpu_memset')
    .sort((a, b) => a.ts - b.ts);
  const cuts: { at: number; us: number }[] = [];
  let until = Number.POSITIVE_INFINITY;
  for (const { ts, dur } of gpu) {
    if (ts - until > longestUs) cuts.push({ at: until + longestUs, us: ts - until - longestUs });
    until = Math.max(until === Number.POSITIVE_INFINITY ? ts : until, ts + dur);
  }
  const earlier = (time: number) =>
    time - cuts.reduce((sum, { at, us }) => sum + Math.min(Math.max(time - at, 0), us), 0);
  const isCut = (time: number) => cuts.some(({ at, us }) => time > at && time <= at + us);
  const events = capture.events.map((event) => {
    // Removed events end at one moment: a call stays before the operator that follows its own.
    const ts = earlier(event.ts) - (event.cat === 'cuda_runtime' && isCut(event.ts) ? longestUs / 2 : 0);
    return { ...event, ts, dur: Math.max(earlier(event.ts + event.dur) - ts, 0) };
  });
  return { ...capture, events };
}
