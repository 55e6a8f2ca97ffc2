import { onnxFiles } from '../../backends/onnx/back-end.ts';
import { pythonPrograms } from '../../backends/python/back-end.ts';
import type { BackEndRow } from '../../ports/back-end-row.ts';
import { alertSinks } from './alert-sinks.ts';
import { artifactStores } from './artifact-stores.ts';
import { engines, histories, logs, onlineStores } from './environment-back-ends.ts';
import { registries } from './registries.ts';
import { scoreSinks } from './score-sinks.ts';
import { trainingRows } from './training-systems.ts';

/** The part of a row that a page shows. */
export type ShownRow = Pick<BackEndRow<never, never, unknown, string>, 'kind' | 'folder' | 'is' | 'options' | 'facts'>;

/** The back ends of one port. */
export interface PortTable {
  readonly port: string;
  /** Where an environment, a declaration or a command chooses one. */
  readonly chosenBy: string;
  /** The abilities that differ, in words. */
  readonly facts: Readonly<Record<string, string>>;
  readonly rows: readonly ShownRow[];
}

/** The tables of back ends of every port, for people: `src/backends/README.md` is written from them. */
export const portTables: readonly PortTable[] = [
  {
    port: 'Event log',
    chosenBy: '`log`',
    facts: { engines: 'an engine elsewhere reads it', lanes: 'streams are divided among processes' },
    rows: Object.values(logs),
  },
  {
    port: 'Online store',
    chosenBy: '`online`',
    facts: { shared: 'hosts read the same store', writers: 'many processes may write its tiles' },
    rows: Object.values(onlineStores),
  },
  { port: 'Tiles of stream views', chosenBy: '`engine`', facts: {}, rows: Object.values(engines) },
  {
    port: 'Engine over the history',
    chosenBy: '`offline.engine`',
    facts: { scores: 'it scores batch jobs', profiles: 'it profiles files' },
    rows: Object.values(histories),
  },
  {
    port: 'Registry, rollouts, journals, incidents and the lease of the monitor',
    chosenBy: '`registry`',
    facts: { shared: 'hosts have one registry, one monitor and one alert book' },
    rows: Object.values(registries),
  },
  {
    port: 'Artefacts',
    chosenBy: '`artifacts`',
    facts: { shared: 'hosts read the same files' },
    rows: Object.values(artifactStores),
  },
  {
    port: 'Model runtimes',
    chosenBy: 'the kind of a version; `models`',
    facts: { apart: 'a crash ends no server' },
    rows: [onnxFiles, pythonPrograms],
  },
  {
    port: 'Sinks of scores',
    chosenBy: '`sinks` of a stream',
    facts: { exact: 'each output is there once' },
    rows: Object.values(scoreSinks),
  },
  {
    port: 'Sinks of incidents',
    chosenBy: '`alerts.sinks`',
    facts: { digests: 'one message may be about many incidents' },
    rows: Object.values(alertSinks),
  },
  {
    port: 'Training systems',
    chosenBy: '`headrace train run --on`; without it, processes of this machine (`local/`)',
    facts: {
      sharedFiles: 'its machines see the files of this one',
      ranks: 'it starts all ranks of a gang',
      moves: 'it moves a job from place to place',
    },
    rows: trainingRows,
  },
];
