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
  STREAM_LOG: {
    message: 'stream {stream} cannot run: its environment has a log that several processes append to',
    hint: 'run streams in an environment with the embedded log',
    retry: 'never',
    status: 400,
    exit: 2,
  },
  STREAM_PLAN: {
    message: 'stream {stream} already rolls to version {version}',
    hint: 'wait until the plan has ended, or abort it',
    retry: 'later',
    status: 409,
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
