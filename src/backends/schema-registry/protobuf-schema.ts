import type { DescMessage } from '@bufbuild/protobuf';
import type { DescriptorProto, FieldDescriptorProto, FileDescriptorProto } from '@bufbuild/protobuf/wkt';
import type { Columns } from '../../schema/column.ts';
import type { Protobuf } from './protobuf.ts';

/** A schema as a registry has it: serialized descriptors of its file and, by name, of those that it imports. */
export interface ProtobufFiles {
  readonly file: Uint8Array;
  readonly imports: ReadonlyMap<string, Uint8Array>;
}

/** A message of a schema, with the fields that columns are read from. */
export interface ReadMessage {
  readonly desc: DescMessage;
  /** Fields of text: they come as bytes, and are decoded strictly whatever the syntax of the file. */
  readonly texts: ReadonlySet<string>;
}

/**
 * Describes the message at a path of indexes, reduced to what the columns need: fields that no column names are unknown to
 * the decoder, which passes over them and allocates nothing. Throws Error saying why a schema has no such message.
 */
export function readMessageOf(
  protobuf: Protobuf,
  files: ProtobufFiles,
  path: readonly number[],
  columns: Columns,
): ReadMessage {
  const file = parseFile(protobuf, files.file);
  const message = messageAt(file, path);
  const fields = neededFields(message, columns);
  const texts = new Set(fields.filter(({ type }) => type === TYPE_STRING).map(({ name }) => name));
  reduceFile(file);
  message.field = fields.map((field) => asBytes(field));
  const imports = new Map([...files.imports].map(([name, bytes]) => [name, parseFile(protobuf, bytes)]));
  for (const one of imports.values()) reduceFile(one);
  const resolve = (name: string) => protobuf.known.get(name) ?? imports.get(name);
  for (const one of [file, ...imports.values()]) one.dependency = one.dependency.filter((name) => resolve(name));
  for (const one of [file, ...imports.values()]) one.publicDependency = [];
  const registry = protobuf.core.createFileRegistry(file, resolve);
  const desc = registry.getMessage(typeNameAt(file, path));
  if (desc === undefined) throw new Error('its message cannot be described');
  return { desc, texts };
}

/** The paths of indexes to all messages of a schema, joined by commas. Throws Error where its file is no descriptor. */
export function messagePaths(protobuf: Protobuf, file: Uint8Array): ReadonlySet<string> {
  const paths = new Set<string>();
  const add = (messages: readonly DescriptorProto[], outer: readonly number[]): void => {
    writtenOf(messages).forEach(({ nestedType }, index) => {
      const path = [...outer, index];
      paths.add(path.join());
      add(nestedType, path);
    });
  };
  add(parseFile(protobuf, file).messageType, []);
  return paths;
}

const TYPE_BYTES = 12;
const TYPE_STRING = 9;

function parseFile({ core, files }: Protobuf, bytes: Uint8Array): FileDescriptorProto {
  return core.fromBinary(files.FileDescriptorProtoSchema, bytes, { readUnknownFields: false });
}

/** Messages that a path counts: entries of maps are none that anyone wrote. */
function writtenOf(messages: readonly DescriptorProto[]): readonly DescriptorProto[] {
  return messages.filter(({ options }) => options?.mapEntry !== true);
}

function messagesOn(file: FileDescriptorProto, path: readonly number[]): readonly DescriptorProto[] {
  let among = writtenOf(file.messageType);
  return path.map((index) => {
    const found = among[index];
    if (found === undefined) throw new Error(`it has no message at the indexes ${path.join(', ')}`);
    among = writtenOf(found.nestedType);
    return found;
  });
}

function messageAt(file: FileDescriptorProto, path: readonly number[]): DescriptorProto {
  const found = messagesOn(file, path).at(-1);
  if (found === undefined) throw new Error('the path of indexes is empty');
  return found;
}

function typeNameAt(file: FileDescriptorProto, path: readonly number[]): string {
  const names = messagesOn(file, path).map(({ name }) => name);
  return [...(file.package === '' ? [] : [file.package]), ...names].join('.');
}

/**
 * The fields that columns name, and those that share a oneof with one: the last field on the wire clears the others.
 */
function neededFields({ field }: DescriptorProto, columns: Columns): readonly FieldDescriptorProto[] {
  const isNamed = (one: FieldDescriptorProto) =>
    Object.hasOwn(columns, one.name) || Object.hasOwn(columns, jsonNameOf(one));
  const oneofs = new Set(field.filter((one) => isNamed(one) && isInOneof(one)).map(({ oneofIndex }) => oneofIndex));
  return field.filter((one) => isNamed(one) || (isInOneof(one) && oneofs.has(one.oneofIndex)));
}

/** The field's name in JSON; a registry may leave it to be derived from the name. */
export function jsonNameOf({ name, jsonName }: { readonly name: string; readonly jsonName: string }): string {
  return jsonName === '' ? name.replaceAll(/_+(.?)/g, (_, next: string) => next.toUpperCase()) : jsonName;
}

function isInOneof(field: FieldDescriptorProto): boolean {
  return Object.hasOwn(field, 'oneofIndex');
}

function asBytes(field: FieldDescriptorProto): FieldDescriptorProto {
  return field.type === TYPE_STRING ? Object.assign(field, { type: TYPE_BYTES, defaultValue: '' }) : field;
}

/** Leaves the names of a file's messages, and its enums. */
function reduceFile(file: FileDescriptorProto): void {
  file.service = [];
  file.extension = [];
  for (const message of file.messageType) reduceMessage(message);
}

function reduceMessage(message: DescriptorProto): void {
  message.field = [];
  message.extension = [];
  message.nestedType = [...writtenOf(message.nestedType)];
  for (const nested of message.nestedType) reduceMessage(nested);
}
