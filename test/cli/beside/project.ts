import { fileURLToPath } from 'node:url';
import { defineProject, model } from 'headrace';
import { project, purchases, returns, risk } from '../../server/shop.ts';

/** A model whose training continues until it is ended. */
const slow = model('slow', {
  task: 'binary',
  service: risk.service,
  spine: { from: purchases, id: 'id' },
  label: { from: returns, id: 'purchase', value: (e) => e.returned, within: '1d' },
  train: {
    with: {
      kind: 'command',
      command: [process.execPath, fileURLToPath(new URL('./slow-trainer.ts', import.meta.url))],
    },
  },
});

/** The shop with a model that never ends its training. */
export const slowProject = defineProject('shop', {
  ...Object.fromEntries([...project.sources, ...project.services, ...project.models].map((one) => [one.name, one])),
  slow,
});
