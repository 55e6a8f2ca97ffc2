import { rows } from './row.ts';

/** Errors of topics that other services write and a source reads. */
export const topicErrors = rows({
  TOPIC_SOURCE: {
    message: 'the environment reads {source} from a topic, and the project has no such event source; it has {known}',
    hint: 'correct the name under sources in the configuration, or declare the source',
    retry: 'never',
    status: 500,
    exit: 2,
  },
  TOPIC_ABSENT: {
    message: 'there is no topic {topic} on {brokers}',
    hint: 'correct sources.….topic, or create the topic: the server keeps looking for it, and reads it from its start',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TOPIC_DENIED: {
    message: 'the brokers {brokers} deny this client access to {topic} in the group {group}: {reason}',
    hint: 'correct sources.….sasl or sources.….tls, or allow the user to read and describe the topic and the group',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TOPIC_UNREACHABLE: {
    message: 'the brokers {brokers} do not answer for {topic}: {reason}',
    hint: 'start them, or correct sources.….brokers and .tls: the server keeps retrying, and loses nothing that the brokers retain',
    retry: 'later',
    status: 503,
    exit: 4,
  },
  TOPIC_RECORD: {
    message: 'record {offset} of {topic}, partition {partition}, is rejected: {reason}',
    hint: 'make its producer send events as POST /v1/events accepts them; headrace features report counts it under rejected events',
    retry: 'never',
    status: 400,
    exit: 3,
  },
  TOPIC_RECORD_SIZE: {
    message: 'the record has {bytes} bytes; an event has at most {most}',
    hint: 'make its producer send smaller events',
    retry: 'never',
    status: 413,
    exit: 3,
  },
  TOPIC_LOST: {
    message:
      'records {from} to {to} of {topic}, partition {partition}, were deleted before they were read: {records} events are lost',
    hint: 'raise retention.ms and retention.bytes of the topic above the longest downtime of Headrace; if the producer still has the events, send them again',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TOPIC_REMADE: {
    message: 'the topic {topic} was deleted and created again; reading restarts at its start',
    hint: 'nothing to do if that was intended: a repeated event counts once; unread events of the old topic are lost',
    retry: 'never',
    status: 500,
    exit: 4,
  },
  TOPIC_PARTITIONS: {
    message: 'the topic {topic} now has {partitions} partitions, after {before}',
    hint: 'nothing to do: all are read; while keys move, an event delivered in two partitions counts as a key change',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
