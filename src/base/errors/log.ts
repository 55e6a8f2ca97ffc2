import { later, never, safe } from './row.ts';

/** Errors of the event log. */
export const logErrors = {
  LOG_TOPIC: never(500, 4)
    .message('the log has no topic {topic}')
    .hint('open the topic before use; the gateway opens one for each declared source'),
  LOG_PARTITIONS: never(500, 2)
    .message('topic {topic} has {partitions} partitions, and {asked} are configured')
    .hint('configure that number; it cannot change while the log has events'),
  LOG_ORDER: never(500, 4)
    .message('an append to {topic}, partition {partition}, has the ingest time {ingestTs}, which is before {last}')
    .hint('append records of earlier ingest times on their own: one append has one order'),
  LOG_TRIMMED: never(500, 4)
    .message('offset {offset} of {topic}, partition {partition}, was trimmed; the log starts at {begin}')
    .hint('restart the reader from the offline store with headrace backfill, or retain the log for longer'),
  LOG_LOCKED: later(503, 4)
    .message('another process is writing the log {path}')
    .hint('name its address with --server where the command has that option, stop it, or use another directory'),
  LOG_ELSEWHERE: never(500, 2)
    .message('the environment uses Kafka, and the events of {directory} are in its embedded log')
    .hint('give the environment on Kafka its own directory and namespace: stores refer to offsets of their log'),
  LOG_WRITE: later(503, 4)
    .message('the log cannot be written at {path}: {reason}')
    .hint(
      'free disk space, or make the directory writable; acknowledged events are safe, this append is not in the log',
    ),
  LOG_SIZE: never(413, 4)
    .message('an append to {topic} has {bytes} bytes; the limit is {most}')
    .hint('append fewer events per call'),
  LOG_FORMAT: never(500, 4)
    .message('the log file {path} has format {found}; this version knows {known}')
    .hint('run the version of headrace that wrote it, or a newer one'),
  LOG_CORRUPT: never(500, 4)
    .message('the log file {path} is damaged at byte {byte}: {reason}')
    .hint('restore the file from a backup; the offline store has the published history'),
  LOG_CUT: never(500, 4)
    .message('{bytes} bytes at the end of {topic}, partition {partition}, were an incomplete append, and were cut off')
    .hint('send the last events again: under durability "process" a power failure can lose them'),
  LOG_CLIENT: never(500, 2)
    .message('the Kafka client is not installed')
    .hint('run npm install @platformatic/kafka@2.12.1, on Node 22.22 or newer'),
  LOG_UNREACHABLE: safe(503, 4)
    .message('the log on {brokers} does not answer: {reason}')
    .hint(
      'start the brokers, or correct their addresses; brokers that close connections may require log.sasl or log.tls.cert. The append may be in the log: send it again, its ids count once',
    ),
  LOG_DENIED: never(500, 4)
    .message('the log on {brokers} rejects this client: {reason}')
    .hint(
      'correct log.sasl (mechanism, user, password) or log.tls.cert, or allow the user to read, write, create and alter topics under the prefix',
    ),
  LOG_CERTIFICATE: never(500, 4)
    .message('the certificate of the log on {brokers} is not trusted: {reason}')
    .hint('set log.tls.ca to its authority or log.tls.servername to its name, or renew it'),
  LOG_TLS: never(500, 4)
    .message('the TLS settings do not match the log on {brokers}: {reason}')
    .hint(
      "set log.tls (an empty one trusts the system's authorities) or remove it, or name the port of the other listener",
    ),
  LOG_FOREIGN: never(500, 4)
    .message('record {offset} of {topic}, partition {partition}, cannot be read: {reason}')
    .hint(
      'let only Headrace write, compact and delete records of this topic, or give it its own namespace; the record is skipped and counts as rejected',
    ),
};
