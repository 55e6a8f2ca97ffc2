/**
 * The compact answer of feature vectors, column by column. It says itself what its columns are, so that who reads it needs
 * no declaration. `schema/vector-binary.ts` writes it, `client/read-vectors.ts` reads it.
 *
 * ```
 * answer   = "HRV" format columns count *(at) *(age) *(age) missing stale degraded *(column)
 * format   = %x02
 * columns  = varint *(name type)             ; the features in order; name = text, type = text as `typeText` writes it
 * count    = varint                          ; vectors
 * at       = int                             ; epoch ms: the first, then by how much each is after the one before
 * age      = f64                             ; ms, of the streaming tier, then of the batch tier; NaN: null
 * missing  = varint *(vector feature reason) ; vector = varint, feature = varint, reason = text
 * stale    = varint *(vector alias)          ; alias = text
 * degraded = varint *(vector)
 * column   = %x00 *(value)                   ; one by feature: none is null
 *          / %x01 nulls *(value)             ; nulls: bit i of byte i / 8, lowest first; null ones have no value
 * ```
 * Numbers and texts are as in `base/bytes.ts`, a value as in `row-codec.ts`. No hash protects the bytes: that is the transport's.
 */
export const VECTOR_BINARY_TYPE = 'application/vnd.headrace.vectors';

export const VECTOR_MAGIC = [0x48, 0x52, 0x56] as const;
export const VECTOR_FORMAT = 2;
