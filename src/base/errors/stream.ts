import { rows } from './row.ts';

/** Errors of streaming inference. */
export const streamErrors = rows({
  STREAM_SPINE: {
    message:
      'stream {stream} reads {source}, whose column {column} is not the {type} that the service of its model asks for',
    hint: 'give the source the columns of the request, of the same types',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  STREAM_UNKNOWN: {
    message: 'the project has no stream {stream}; it has {known}',
    hint: 'name one of them',
    retry: 'never',
    status: 404,
    exit: 2,
  },
  STREAM_PAST: {
    message:
      'neither the online store nor the history has the features of offset {offset} of partition {partition} as of its event time',
    hint: 'keep the history for as long as a stream may lag, and score the range again',
    retry: 'never',
    status: 409,
    exit: 3,
  },
  STREAM_FENCED: {
    message: 'another process has taken over partition {partition} of topic {topic}',
    hint: 'nothing: its outputs are written by that process',
    retry: 'later',
    status: 409,
    exit: 5,
  },
  STREAM_PARTITIONS: {
    message: 'topic {topic} now has {found} partitions, and stream {stream} has versions for {known}',
    hint: 'stop the program that writes to the new partitions, and move the project to a topic with as many',
    retry: 'never',
    status: 409,
    exit: 3,
  },
  STREAM_DIGEST: {
    message:
      'version {version} of model {model} has the digest {found} here, and the plan of stream {stream} names {wanted}',
    hint: 'give all processes of the stream one registry',
    retry: 'later',
    status: 409,
    exit: 3,
  },
  STREAM_PLAN: {
    message: 'stream {stream} already rolls to version {version}',
    hint: 'wait until the plan has ended, or abort it',
    retry: 'later',
    status: 409,
    exit: 5,
  },
  STREAM_UNACKED: {
    message: 'the plan of stream {stream} for version {version} waits for the owners of the partitions {partitions}',
    hint: 'start the processes that own them, or abort the plan; a plan for an event time waits for a record of that time',
    retry: 'later',
    status: 409,
    exit: 5,
  },
  STREAM_ENGINE: {
    message: 'stream {stream} is scored by an engine, which has no shadow lane',
    hint: 'declare a second stream whose model is the other version, or leave scoredBy out',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  STREAM_HELD: {
    message: 'offset {offset} of partition {partition} waits for the open plan of stream {stream}',
    hint: 'send it again; if the plan stays open, commit or abort it with headrace stream',
    retry: 'later',
    status: 503,
    exit: 5,
  },
  STREAM_CUT_OVER: {
    message: 'the cut-over of stream {stream} is not possible: {reason}',
    hint: 'correct the plan, and start it again',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  STREAM_RANGE: {
    message: 'stream {stream} has no scored offsets {from} to {to} in partition {partition}',
    hint: 'name offsets that the stream has scored; its status has them',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  STREAM_RECORD: {
    message: 'a record of topic {topic} cannot be read: {reason}',
    hint: 'run the version of headrace that wrote it, or a newer one',
    retry: 'never',
    status: 500,
    exit: 4,
  },
});
