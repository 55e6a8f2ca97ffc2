import { type SchemaTexts, schemasOf } from '../../features/change/source-schemas.ts';
import type { EventSourceData } from '../../features/define/declaration.ts';
import type { RowCodec } from '../../schema/row-codec.ts';
import { versionedRowCodec } from '../../schema/versioned-row-codec.ts';

/** The codec of a source's rows in the log. */
export type RowsOf = (source: EventSourceData) => RowCodec;

/** Codecs that write the declared columns and read whatever `schemas` says was written before. */
export function sourceRows(schemas: SchemaTexts): RowsOf {
  const codecs = new Map<EventSourceData, RowCodec>();
  return (source) => {
    const known = codecs.get(source);
    if (known !== undefined) return known;
    const codec = versionedRowCodec(schemasOf(schemas, source), `an event of ${source.name}`);
    codecs.set(source, codec);
    return codec;
  };
}
