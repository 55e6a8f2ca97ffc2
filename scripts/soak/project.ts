import { clicks, purchases, recommendation } from '../../examples/personalisation/declaration.ts';
import { defineProject, model } from '../../src/features/define/declare.ts';
import { asked, came, service } from '../../test/models/small-project.ts';

/** A model whose right answer is known: the sigmoid of `number`. */
export const sold = model('sold', {
  task: 'binary',
  service,
  spine: { from: asked, id: 'id' },
  label: { from: came, id: 'asked', value: (e) => e.good, within: '1h' },
  train: { with: { kind: 'logisticRegression' } },
});

/** The personalisation example, with a model next to it. */
export const project = defineProject('personalisation', { clicks, purchases, recommendation, asked, came, sold });
