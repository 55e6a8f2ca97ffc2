import { later, never } from './row.ts';

/** Errors of topics that other services write and a source reads. */
export const topicErrors = {
  TOPIC_SOURCE: never(500, 2)
    .message('the environment reads {source} from a topic, and the project has no such event source; it has {known}')
    .hint('correct the name under sources in the configuration, or declare the source'),
  TOPIC_ABSENT: later(503, 4)
    .message('there is no topic {topic} on {brokers}')
    .hint('correct sources.….topic, or create the topic: the server keeps looking for it, and reads it from its start'),
  TOPIC_DENIED: later(503, 4)
    .message('the brokers {brokers} deny this client access to {topic} in the group {group}: {reason}')
    .hint('correct sources.….sasl or sources.….tls, or allow the user to read and describe the topic and the group'),
  TOPIC_UNREACHABLE: later(503, 4)
    .message('the brokers {brokers} do not answer for {topic}: {reason}')
    .hint(
      'start them, or correct sources.….brokers and .tls: the server keeps retrying, and loses nothing that the brokers retain',
    ),
  TOPIC_RECORD: never(400, 3)
    .message('record {offset} of {topic}, partition {partition}, is rejected: {reason}')
    .hint(
      'make its producer send events as POST /v1/events accepts them; headrace features report counts it under rejected events',
    ),
  TOPIC_RECORD_SIZE: never(413, 3)
    .message('the record has {bytes} bytes; an event has at most {most}')
    .hint('make its producer send smaller events'),
  TOPIC_LOST: never(500, 4)
    .message(
      'records {from} to {to} of {topic}, partition {partition}, were deleted before they were read: {records} events are lost',
    )
    .hint(
      'raise retention.ms and retention.bytes of the topic above the longest downtime of Headrace; if the producer still has the events, send them again',
    ),
  TOPIC_REMADE: never(500, 4)
    .message('the topic {topic} was deleted and created again; reading restarts at its start')
    .hint('nothing to do if that was intended: a repeated event counts once; unread events of the old topic are lost'),
  TOPIC_PARTITIONS: never(500, 4)
    .message('the topic {topic} now has {partitions} partitions, after {before}')
    .hint('nothing to do: all are read; while keys move, an event delivered in two partitions counts as a key change'),
};
