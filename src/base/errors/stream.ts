import { later, never } from './row.ts';

/** Errors of streaming inference. */
export const streamErrors = {
  STREAM_SPINE: never(400, 2)
    .message(
      'stream {stream} reads {source}, whose column {column} is not the {type} that the service of its model asks for',
    )
    .hint('give the source the columns of the request, of the same types'),
  STREAM_CYCLE: never(400, 2)
    .message('stream {stream} depends on its own scores, or writes to the topic of a stream whose scores it depends on')
    .hint('name the stream and its topic differently, or read the scores in features of another model'),
  STREAM_SCORES: never(400, 2)
    .message('source {source} cannot have the scores of a stream: {reason}')
    .hint('declare it by scoreSource over a scored stream; its option columns renames score and version'),
  STREAM_FED: never(400, 2)
    .message('the events of source {source} are the scores of stream {stream}: nobody else sends them')
    .hint('send the events that the stream scores'),
  STREAM_BEGIN: never(400, 2)
    .message('stream {stream} cannot begin at {begins}: {reason}')
    .hint("write begins: 'earliest', 'now' or a UTC date such as '2026-01-31', of a scored stream"),
  STREAM_SINK: never(400, 2)
    .message('sink {sink} of stream {stream} is refused: {reason}')
    .hint("write { kind: 'webhook', url } or { kind: 'files', directory } in sinks; secrets are { env: NAME }"),
  STREAM_SINK_AWAY: later(503, 4)
    .message('sink {sink} of stream {stream} does not take outputs: {reason}')
    .hint('repair the receiver: the outputs are kept and sent again, for as long as hold of the sink says'),
  STREAM_UNKNOWN: never(404, 2).message('the project has no stream {stream}; it has {known}').hint('name one of them'),
  STREAM_PAST: never(409, 3)
    .message(
      'neither the online store nor the history has the features of offset {offset} of partition {partition} as of its event time',
    )
    .hint('keep the history for as long as a stream may lag, and score the range again'),
  STREAM_REPEAT: never(409, 3)
    .message('offset {offset} of partition {partition} is the event of offset {first} again')
    .hint('read the output of that offset: an event is scored once'),
  STREAM_DROPPED: never(409, 3)
    .message('the event at offset {offset} of partition {partition} counts nowhere: it is {verdict}')
    .hint('send events sooner, or give the source a greater lateness or future skew'),
  STREAM_FENCED: later(409, 5)
    .message('another process has taken over partition {partition} of topic {topic}')
    .hint('nothing: its outputs are written by that process'),
  STREAM_PARTITIONS: never(409, 3)
    .message('topic {topic} now has {found} partitions, and stream {stream} has versions for {known}')
    .hint('stop the program that writes to the new partitions, and move the project to a topic with as many'),
  STREAM_DIGEST: later(409, 3)
    .message(
      'version {version} of model {model} has the digest {found} here, and the plan of stream {stream} names {wanted}',
    )
    .hint('give all processes of the stream one registry'),
  STREAM_PLAN: later(409, 5)
    .message('stream {stream} already rolls to version {version}')
    .hint('wait until the plan has ended, abort it, or roll with replace'),
  STREAM_UNACKED: later(409, 5)
    .message('the plan of stream {stream} for version {version} waits for the owners of the partitions {partitions}')
    .hint(
      'start the processes that own them, or abort the plan; for an event time each waits for a record, or is idle first',
    ),
  STREAM_ENGINE: never(400, 2)
    .message('stream {stream} is scored by an engine, which has no shadow lane')
    .hint('declare a second stream whose model is the other version, or leave scoredBy out'),
  STREAM_CURSOR: never(400, 2)
    .message('stream {stream} has no outputs from {cursor} on: its log of outputs ends at {ends}')
    .hint('pass the cursor of the last answer as it is, or none to begin with the oldest outputs'),
  STREAM_ELSEWHERE: never(400, 2)
    .message('the outputs of stream {stream} are not in the log of this environment')
    .hint('read the topic of its outputs in Kafka, or the sink of the engine that scores it'),
  STREAM_HELD: later(503, 5)
    .message('stream {stream} holds the answer to offset {offset} of partition {partition} back: {reason}')
    .hint('send it again; if a plan stays open, commit or abort it with headrace stream'),
  STREAM_CUT_OVER: never(400, 2)
    .message('the cut-over of stream {stream} is not possible: {reason}')
    .hint('correct the plan, and start it again'),
  STREAM_RANGE: never(400, 2)
    .message('stream {stream} has no scored offsets {from} to {to} in partition {partition}')
    .hint('name offsets that the stream has scored; its status has them'),
  STREAM_RECORD: never(500, 4)
    .message('a record of topic {topic} cannot be read: {reason}')
    .hint('run the version of headrace that wrote it, or a newer one'),
};
