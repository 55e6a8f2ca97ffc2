import { later, never } from './row.ts';

/** Faults of records in the wire format of a schema registry. */
export const schemaErrors = {
  SCHEMA_FRAME: never(400, 3)
    .message('the value is not in the wire format of a schema registry: {reason}')
    .hint(
      'have its writer use the serializer of the schema registry; leave out sources.….format where the topic has plain JSON',
    ),
  SCHEMA_UNKNOWN: never(400, 3)
    .message('the schema registry {url} has no schema {id}, which the record names')
    .hint('correct sources.….format.url if another registry has the schema; send the event again'),
  SCHEMA_UNUSABLE: never(400, 3)
    .message('schema {id} of {url} cannot be used: {reason}')
    .hint('change the schema, and send its events again; the columns of the source say which fields are needed'),
  SCHEMA_BYTES: never(400, 3)
    .message('the bytes are no record of schema {id}: {reason}')
    .hint('have its writer encode the event by the schema that the record names'),
  SCHEMA_UNREACHABLE: later(503, 4)
    .message('the schema registry {url} does not answer: {reason}')
    .hint('start it, or correct sources.….format.url: records wait in the topic, and the request is repeated'),
  SCHEMA_DENIED: later(503, 4)
    .message('the schema registry {url} refuses to give schemas to this client: {reason}')
    .hint('correct username and password, or token, under sources.….format; let the user read schemas'),
  SCHEMA_CLIENT: later(503, 4)
    .message('schema {id} of {url} is in Protobuf, and the package "@bufbuild/protobuf" is not installed')
    .hint('npm install @bufbuild/protobuf@2 and start again: records wait in the topic'),
};
