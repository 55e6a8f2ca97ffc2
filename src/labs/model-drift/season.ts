import type { JudgedWindow } from '../../playbook/file-replay/judged-windows.ts';
import { labStep } from '../lab.ts';
import { dayAt, writeOrders } from './orders.ts';
import { replayedOrders } from './replayed-orders.ts';

const TRAINED_DAYS = 14;
const POPULATION_FROM = 22;
const DAYS = 26;

const rules = {
  psi: ({ naive }: JudgedWindow) => (naive?.psi.length ?? 0) > 0,
  ks: ({ naive }: JudgedWindow) => (naive?.ks.length ?? 0) > 0,
  spread: ({ drifted }: JudgedWindow) => drifted.length > 0,
} as const;

/** Weekends are no drift. */
export const season = labStep({
  id: 'season',
  title: 'A rule that survives a weekend',
  asks: 'People order otherwise at weekends, as they always did. Later other people come. Replay the weeks, and choose the rule that wakes somebody.',
  act: {
    verb: 'Replay the weeks',
    effect:
      'Replays weeks of orders through a model and its monitors, a window a day, and judges every window by each rule.',
  },
  figures: {
    calm: { what: 'windows in which nothing changed, weekends among them', unit: '' },
    changed: { what: 'windows in which other people ordered', unit: '' },
    psiFalse: { what: 'of the calm windows, alarms by a limit of PSI', unit: '' },
    ksFalse: { what: 'of the calm windows, alarms by a test alone', unit: '' },
    spreadFalse: { what: 'of the calm windows, alarms by effect, evidence and usual spread', unit: '' },
    found: { what: 'of the changed windows, those that the last rule finds', unit: '' },
  },
  loss: { what: 'windows judged wrongly', unit: '' },
  choices: {
    psi: {
      text: 'A limit of PSI for each feature, as in most tutorials',
      shows:
        '{loss} windows are wrong: {psiFalse} of {calm} calm windows alarm, since a weekend is far from the mean of a week.',
    },
    ks: {
      text: 'A test of Kolmogorov and Smirnov for each feature',
      shows:
        '{loss} windows are wrong: {ksFalse} of {calm} calm windows alarm. With enough rows any difference is significant.',
    },
    spread: {
      text: 'A large effect, certain, and beyond the usual spread of the reference',
      shows:
        '{loss} windows are wrong: {spreadFalse} of {calm} calm ones alarm, and {found} of {changed} changed ones are found.',
    },
  },
  measure: async (world) => {
    const path = writeOrders(
      world.folder,
      { days: DAYS, populationFrom: POPULATION_FROM, conceptFrom: null },
      world.random,
    );
    const { windows } = await replayedOrders(world, path, {
      ...{ name: 'weeks', trainedDays: TRAINED_DAYS, labels: false, playbook: 'watch' },
    });
    const judged = windows.filter(({ monitor }) => monitor === 'featureDrift');
    const isChanged = ({ from }: JudgedWindow) => from >= dayAt(POPULATION_FROM);
    const calm = judged.filter((one) => !isChanged(one));
    const changed = judged.filter(isChanged);
    const falseAlarms = (rule: keyof typeof rules) => calm.filter(rules[rule]).length;
    const found = (rule: keyof typeof rules) => changed.filter(rules[rule]).length;
    const wrong = (rule: keyof typeof rules) => falseAlarms(rule) + changed.length - found(rule);
    return {
      figures: {
        calm: calm.length,
        changed: changed.length,
        psiFalse: falseAlarms('psi'),
        ksFalse: falseAlarms('ks'),
        spreadFalse: falseAlarms('spread'),
        found: found('spread'),
      },
      losses: { psi: wrong('psi'), ks: wrong('ks'), spread: wrong('spread') },
    };
  },
});
