import type { DescFile } from '@bufbuild/protobuf';

/** The parts of the library in use. */
export interface Protobuf {
  readonly core: Pick<typeof import('@bufbuild/protobuf'), 'createFileRegistry' | 'fromBinary'>;
  readonly reflect: typeof import('@bufbuild/protobuf/reflect').reflect;
  readonly files: Pick<typeof import('@bufbuild/protobuf/wkt'), 'FileDescriptorProtoSchema'>;
  /** Files that a schema imports without a reference: a registry knows them too. */
  readonly known: ReadonlyMap<string, DescFile>;
}

/** Loads the library, which those install who have Protobuf; null where they have not. */
export async function loadProtobuf(): Promise<Protobuf | null> {
  try {
    const [core, reflection, files] = await Promise.all([
      import('@bufbuild/protobuf'),
      import('@bufbuild/protobuf/reflect'),
      import('@bufbuild/protobuf/wkt'),
    ]);
    const known = [
      files.file_google_protobuf_timestamp,
      files.file_google_protobuf_wrappers,
      ...decimalFiles(core, files),
    ].map((file) => [`${file.name}.proto`, file] as const);
    return { core, reflect: reflection.reflect, files, known: new Map(known) };
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND';
}

const OPTIONAL = 1;
const TYPE_INT32 = 5;
const TYPE_STRING = 9;
const TYPE_BYTES = 12;
const TYPE_UINT32 = 13;

/** Decimals as two vendors publish them. */
function decimalFiles(
  { create, createFileRegistry }: typeof import('@bufbuild/protobuf'),
  { FileDescriptorProtoSchema }: typeof import('@bufbuild/protobuf/wkt'),
): readonly DescFile[] {
  const fileOf = (name: string, fields: readonly (readonly [string, number])[]) => {
    const field = fields.map(([called, type], index) => ({
      name: called,
      jsonName: called,
      number: index + 1,
      label: OPTIONAL,
      type,
    }));
    const messageType = [{ name: 'Decimal', field }];
    const proto = create(FileDescriptorProtoSchema, {
      name: `${name.replaceAll('.', '/')}/decimal.proto`,
      package: name,
      syntax: 'proto3',
      messageType,
    });
    return [...createFileRegistry(proto, () => undefined).files];
  };
  return [
    ...fileOf('google.type', [['value', TYPE_STRING]]),
    ...fileOf('confluent.type', [
      ['value', TYPE_BYTES],
      ['precision', TYPE_UINT32],
      ['scale', TYPE_INT32],
    ]),
  ];
}
