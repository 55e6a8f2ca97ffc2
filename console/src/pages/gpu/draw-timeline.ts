import type { Timeline } from '../../../../src/gpu/diagnosis.ts';
import { durationText } from '../../look/format.ts';
import { visibleBlocks } from './visible-blocks.ts';

export const LANE_PX = 34;
const NAME_PX = 13;

/** Draws the blocks of a span; those below a pixel are one with the block before them. */
export function drawTimeline(canvas: HTMLCanvasElement, { lanes }: Timeline, from: number, to: number): void {
  const context = canvas.getContext('2d');
  if (context === null) return;
  const width = canvas.clientWidth;
  const height = lanes.length * LANE_PX + 20;
  const scale = window.devicePixelRatio;
  resized(canvas, Math.round(width * scale), Math.round(height * scale));
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(document.documentElement);
  const colour = (token: string) => style.getPropertyValue(token).trim();
  context.font = '11px system-ui, sans-serif';
  lanes.forEach(({ name, blocks }, i) => {
    const top = i * LANE_PX;
    context.fillStyle = colour('--ink-quiet');
    context.fillText(name, 0, top + NAME_PX - 2);
    context.fillStyle = colour(`--series-${1 + (i % 6)}`);
    for (const [left, right] of visibleBlocks(blocks, { from, to, width }))
      context.fillRect(left, top + NAME_PX, right - left, LANE_PX - NAME_PX - 4);
  });
  context.fillStyle = colour('--ink-quiet');
  for (let part = 0; part < 4; part += 1)
    context.fillText(durationText((from + ((to - from) * part) / 4) / 1_000), (width * part) / 4, height - 4);
}

/** A canvas that is given a size is allocated again, also where the size is the same. */
function resized(canvas: HTMLCanvasElement, width: number, height: number): void {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
