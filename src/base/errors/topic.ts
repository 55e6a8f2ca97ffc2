import { rows } from './row.ts';

/** What can be wrong with a topic of other services that a source is taken from. */
export const topicErrors = rows({
  TOPIC_SOURCE: {
    message: 'the environment takes {source} from a topic, and the project has no such event source; it has {known}',
    mend: 'correct the name under sources in the configuration, or declare the source',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TOPIC_ABSENT: {
    message: 'there is no topic {topic} on {brokers}',
    mend: 'correct sources.….topic, or have its owner make it: it is looked for again and again, and read from its begin',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TOPIC_DENIED: {
    message: 'the brokers {brokers} do not let this client read {topic} in the group {group}: {reason}',
    mend: 'correct sources.….sasl or sources.….tls, or let the user read and describe the topic and the group',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TOPIC_UNREACHABLE: {
    message: 'the brokers {brokers} do not answer for {topic}: {reason}',
    mend: 'start them, or correct sources.….brokers and .tls: nothing is lost meanwhile that they keep, and it is tried again and again',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TOPIC_RECORD: {
    message: 'the record {offset} of {topic}, partition {partition}, is refused: {reason}',
    mend: 'have its writer send events as POST /v1/events takes them; headrace features report shows it among the refused events',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  TOPIC_RECORD_SIZE: {
    message: 'it has {bytes} bytes; an event has at most {most}',
    mend: 'have its writer send smaller events',
    retry: 'never',
    status: 413,
    exit: 3,
  },
  TOPIC_LOST: {
    message:
      'records {from} to {to} of {topic}, partition {partition}, are gone, and were not read: {records} events are lost',
    mend: 'have the topic keep more (retention.ms, retention.bytes) than the longest time without headrace; send the events again where their service has them',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TOPIC_REMADE: {
    message: 'the topic {topic} was deleted and made anew: it is read from its begin',
    mend: 'nothing, where that was meant: an event that comes again counts once; what was not read of the old one is lost',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TOPIC_PARTITIONS: {
    message: 'the topic {topic} has {partitions} partitions, and had {before}',
    mend: 'nothing: all are read; while keys move, deliveries of an event under two partitions are counted as key changes',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
