import type { ComponentType } from 'react';
import type { Schema } from '../api/client.ts';

/** A page of the console. */
export interface ConsolePage {
  /** Its address after `#`. */
  readonly path: `/${string}`;
  readonly title: string;
  /** The question that the page answers, for the palette. */
  readonly decides: string;
  /** A key without this scope does not see it. */
  readonly needs?: Schema<'Session'>['scopes'][number];
  /** Loaded when it is opened. */
  readonly load: () => Promise<{ readonly Page: ComponentType }>;
}

/** Every page, in the order of the menu. To add one: a folder with a `page.tsx` that exports `Page`, and a row here. */
export const pages: readonly ConsolePage[] = [
  {
    path: '/',
    title: 'Overview',
    decides: 'Is the loop well, and does anything need a person?',
    load: () => import('./overview/page.tsx'),
  },
  {
    path: '/drift',
    title: 'Drift',
    decides: 'Does a model see other data than it was trained on, and what answers it?',
    load: () => import('./drift/page.tsx'),
  },
  {
    path: '/rollouts',
    title: 'Rollouts',
    decides: 'May the candidate answer more callers?',
    load: () => import('./rollouts/page.tsx'),
  },
  {
    path: '/models',
    title: 'Models',
    decides: 'Which version serves, and which run made it?',
    load: () => import('./models/page.tsx'),
  },
  {
    path: '/features',
    title: 'Features',
    decides: 'Are the values fresh and within their budgets?',
    load: () => import('./features/page.tsx'),
  },
  {
    path: '/inference',
    title: 'Inference',
    decides: 'Do the models answer in time?',
    load: () => import('./inference/page.tsx'),
  },
  {
    path: '/sources',
    title: 'Sources',
    decides: 'Do the events arrive, and which are refused?',
    load: () => import('./sources/page.tsx'),
  },
  {
    path: '/training-sets',
    title: 'Training sets',
    decides: 'Which rows trained a version?',
    load: () => import('./training-sets/page.tsx'),
  },
  {
    path: '/gpu',
    title: 'GPU',
    decides: 'Where does the time of a training step go?',
    load: () => import('./gpu/page.tsx'),
  },
  {
    path: '/cost',
    title: 'Cost',
    decides: 'Which change makes a training cheaper, and by how much?',
    load: () => import('./cost/page.tsx'),
  },
  {
    path: '/operations',
    title: 'Operations',
    decides: 'Do stores, memory and jobs hold?',
    load: () => import('./operations/page.tsx'),
  },
  {
    path: '/labs',
    title: 'Labs',
    decides: 'How do you answer five questions of system design, on a system that runs?',
    load: () => import('./labs/page.tsx'),
  },
];
