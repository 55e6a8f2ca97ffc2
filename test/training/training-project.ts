import type { EnvironmentOptions } from '../../src/environment/config.ts';
import { defineProject, model } from '../../src/features/define/declare.ts';
import { type Headrace, openHeadrace } from '../../src/running/headrace.ts';
import { asked, came, service } from '../models/small-project.ts';
import { frameOf } from './embedded-program.ts';

const MINUTE_MS = 60_000;
const ROWS = 400;

const START = Date.UTC(2026, 0, 1);
/** The end of the rows. */
export const END = START + ROWS * MINUTE_MS;

/** A model whose training takes many steps. */
export const slow = model('slow', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'boostedTrees', trees: 2_000, rowShare: 0.8, leafRows: 5 } },
});

/** One that takes few. */
export const quick = model('quick', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1d' },
  train: { with: { kind: 'boostedTrees', trees: 5, leafRows: 5 } },
});

const project = defineProject('killed', { asked, came, service, slow, quick });

export function openProject(directory: string, environment: EnvironmentOptions = {}): Promise<Headrace> {
  return openHeadrace({
    project,
    environment: { directory, training: { checkpoint: '50ms' }, ...environment },
    clock: () => END,
  });
}

/** Takes rows and their labels. */
export async function fill(headrace: Headrace): Promise<void> {
  const { columns, labels } = frameOf(4, ROWS);
  const [gaps, category, number] = columns;
  const rows = Array.from({ length: ROWS }, (_, row) => ({
    id: `r${row}`,
    at: START + row * MINUTE_MS,
    name: `n${row % 5}`,
    number: number[row],
    gaps: Number.isNaN(gaps[row]) ? null : gaps[row],
    category: category[row],
  }));
  await headrace.ingest(asked, rows);
  await headrace.ingest(
    came,
    rows.map(({ id, at }, row) => ({ id: `c${row}`, at: at + 1, asked: id, good: labels[row] === 1 })),
  );
}
