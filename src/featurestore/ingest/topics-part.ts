import { type PartKind, samplesBy } from '../../observe/part-kind.ts';
import type { TopicReport } from './topic-intake.ts';

export interface TopicsStatus {
  /** The records of each topic of another service that events are taken from, by outcome. */
  readonly topics: readonly TopicReport[];
}

/** Topics of other services that events are taken from. */
export const topicsPart: PartKind<() => readonly TopicReport[], TopicsStatus> = {
  name: 'topics',
  figures: [
    {
      name: 'headrace_topic_records_total',
      type: 'counter',
      unit: 'records',
      labels: ['source', 'outcome'],
      help: 'Records of a topic of other services by what became of them: taken (in the log), refused, tombstone, lost (gone before they were read)',
      read: (topics) =>
        topics().flatMap(({ source, taken, refused, tombstones, lost }) =>
          samplesBy({ source }, 'outcome', { taken, refused, tombstone: tombstones, lost }),
        ),
    },
    {
      name: 'headrace_topic_key_changes_total',
      type: 'counter',
      unit: 'events',
      labels: ['source'],
      help: 'Events of a topic of other services that came again under another partition or key, of the last 100,000 ids',
      read: (topics) => topics().map(({ source, keyChanges }) => [{ source }, keyChanges]),
    },
    {
      name: 'headrace_topic_up',
      type: 'gauge',
      unit: '0 or 1',
      labels: ['source'],
      help: 'Whether a topic of other services is read, and its events are taken',
      alerts: [
        {
          name: 'HeadraceTopicDown',
          expr: 'headrace_topic_up == 0',
          for: '5m',
          severity: 'page',
          summary: 'No events of {{ $labels.source }} are taken from its topic. `headrace status` names the reason.',
        },
      ],
      read: (topics) => topics().map(({ source, trouble }) => [{ source }, Number(!trouble)]),
    },
  ],
  health: (topics) => topics().flatMap(degradedTopic),
  status: (topics) => ({ topics: topics() }),
  lines: ({ topics }) => (topics.length === 0 ? [] : ['topics', ...topics.map(topicLine)]),
};

function degradedTopic({ source, topic, lost, keyChanges, trouble }: TopicReport): readonly string[] {
  const of = `${source} from ${topic}`;
  return [
    ...(trouble === null ? [] : [`no events of ${of} are taken: ${trouble}`]),
    ...(lost === 0 ? [] : [`${lost} records of ${of} were gone before they were read`]),
    ...(keyChanges === 0
      ? []
      : [
          `${keyChanges} events of ${of} came again under another partition or key: which delivery counts is a matter of time`,
        ]),
  ];
}

function topicLine(report: TopicReport): string {
  const { source, topic, taken, duplicate, late, refused, tombstones, lost, keyChanges, lag } = report;
  const behind = lag.reduce((sum, one) => sum + one.behind, 0);
  const gone = lost === 0 ? '' : `, ${lost} lost`;
  return `  ${source} from ${topic}: ${taken} taken (${duplicate} duplicate, ${late} late), ${refused} refused, ${tombstones} tombstones${gone}, ${keyChanges} key changes; ${behind} behind in ${lag.length} partitions`;
}
