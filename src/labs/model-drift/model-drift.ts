import type { Lab } from '../lab.ts';
import { concept } from './concept.ts';
import { fault } from './fault.ts';
import { season } from './season.ts';

/** The lab of drift that is detected and answered. */
export const modelDrift: Lab = {
  id: 'model-drift',
  title: 'Model drift, detected and answered',
  question:
    'A model scores the orders of a shop. Tell me when its data have moved, whether that matters, and which answer may happen without a person.',
  page: 'problems/model-drift',
  steps: [season, fault, concept],
  answer: [
    {
      title: 'Requirements',
      lines: [
        'Nobody is woken by a weekend: of {season.calm} calm windows none should alarm.',
        'A broken source is named as such, and no version learns from it.',
        'A rise of the realised loss is answered within days, without a person, and without risk for callers.',
      ],
    },
    {
      title: 'Design',
      lines: [
        'The alarm: {season.decision}.',
        'The answer to a broken source: {fault.decision}.',
        'The answer to a rise of the loss: {concept.decision}.',
      ],
    },
    {
      title: 'Trade-offs',
      lines: [
        'The chosen rule judges {season.loss} windows wrongly. A limit of PSI alarms in {season.psiFalse} calm windows, a test alone in {season.ksFalse}.',
        'Waiting for labels costs time: the incident came {concept.found} after the change. An estimate without labels would come earlier, and be wrong here: the features stood still.',
      ],
    },
    {
      title: 'Failure modes',
      lines: [
        'With amounts multiplied by {fault.factor} the error rose from {fault.before} to {fault.during} in one window.',
        'The features drifted in {concept.drifted} windows while the error rose from {concept.before} to {concept.after}.',
        'A version that is worse for some callers is caught by the shadow or the canary, before all callers have it.',
      ],
    },
    {
      title: 'Measures',
      lines: [
        'The error of the last days: {concept.loss} with the answer, {concept.after} without. From the change to the end it was {concept.meanwhile}.',
        'The playbook trained {concept.versions} versions. Each decision is in its journal, and can be replayed.',
        'False alarms a week, days from the change to the incident, and days from the incident to the new champion.',
      ],
    },
  ],
};
