import { VECTOR_BINARY_TYPE } from '../../schema/vector-format.ts';
import { preferredCoding } from '../../serving/oip/content-coding.ts';
import { isJsonLines } from '../media-types.ts';
import { PAGE_FIELDS } from '../page-rule.ts';
import { inferPath } from './infer-path.ts';

/**
 * The head of a request that the lean reader answers by itself. It is much narrower than HTTP/1.1 (RFC 9112): whatever does
 * not match, to the byte, is the full server's to understand or to refuse.
 *
 * ```
 * head    = "POST " path " HTTP/1.1" CRLF 1*(field CRLF) CRLF
 * path    = 1*("/" 1*(ALPHA / DIGIT / "_"))    ; which of them are hot is asked later
 *         / "/v2/models/" word ["/versions/" word] "/infer"
 * word    = 1*(ALPHA / DIGIT / "_" / "." / "@" / "-")
 * field   = name ":" *(SP / HTAB) value *(SP / HTAB)
 * name    = 1*(RFC 9110 token character)     ; nothing between it and the colon, no line folding
 * value   = *(HTAB / %x20-7E)
 * ```
 * once: host, content-length (digits, no leading zero), content-type (application/json, application/x-ndjson); never: {@link UNKNOWN}; all other
 * fields say nothing about where the request ends or how it is answered, and are passed over.
 *
 * A path that runs a model has bytes as its body. There content-type may be absent or application/octet-stream, and
 * accept-encoding must be satisfied by an answer without a coding.
 */
export interface RequestHead {
  readonly path: string;
  readonly host: string;
  readonly bodyBytes: number;
  /** The field authorization; null where there is none. */
  readonly authorization: string | null;
  /** Whether the answer is to be binary. */
  readonly isBinary: boolean;
  /** Whether the body is JSON lines. */
  readonly isLines: boolean;
  /** The caller's trace, as it says; null where it says none. */
  readonly traceparent: string | null;
  /** Whether the body is bytes: the path runs a model. */
  readonly takesBytes: boolean;
  /** The field inference-header-content-length; null where there is none. */
  readonly headerLength: string | null;
  /** The field headrace-timeout-ms; null where there is none. */
  readonly timeout: string | null;
}

const LINE = /^POST ((?:\/\w+)+|\/v2\/models\/[\w.@/-]+) HTTP\/1\.1$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t\x20-\x7e]*)$/;
const LENGTH = /^[1-9]\d{0,8}$/;
const BYTES_TYPE = /^application\/(?:json|octet-stream)$/;
const JSON_TYPE = /^application\/(?:json|x-ndjson)(?:; ?charset=utf-8)?$/i;

/** Fields that change what a request is, how it has to be answered, or whether it may be. */
const UNKNOWN = new Set<string>([
  ...PAGE_FIELDS,
  'content-encoding',
  'expect',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Parses a head up to and with its empty line, one byte a character; null leaves it to the full server. */
export function parseHead(text: string): RequestHead | null {
  const lines = text.slice(0, -4).split('\r\n');
  const path = LINE.exec(lines[0])?.[1];
  if (path === undefined) return null;
  const takesBytes = inferPath(path) !== null;
  // Other paths have only letters, digits and "_".
  if (!takesBytes && /[.@-]|\/\//.test(path)) return null;
  const once = new Map<string, string>();
  for (let i = 1; i < lines.length; i += 1) {
    const [, written, spaced] = FIELD.exec(lines[i]) ?? [];
    if (written === undefined || spaced === undefined) return null;
    const name = written.toLowerCase();
    const value = spaced.trim();
    if (UNKNOWN.has(name)) return null;
    if (name === 'accept' && !takesBytes && !acceptsJson(value) && value !== VECTOR_BINARY_TYPE) return null;
    if (name === 'connection' && value.toLowerCase() !== 'keep-alive') return null;
    if (!ONCE.has(name)) continue;
    if (once.has(name)) return null;
    once.set(name, value);
  }
  const length = once.get('content-length') ?? '';
  const type = once.get('content-type') ?? '';
  const host = once.get('host');
  if (host === undefined || !LENGTH.test(length)) return null;
  if (takesBytes ? !takesInference(once) : !JSON_TYPE.test(type)) return null;
  return {
    path,
    host,
    bodyBytes: Number(length),
    authorization: once.get('authorization') ?? null,
    isBinary: once.get('accept') === VECTOR_BINARY_TYPE,
    isLines: isJsonLines(type),
    traceparent: once.get('traceparent') ?? null,
    takesBytes,
    headerLength: (takesBytes ? once.get('inference-header-content-length') : undefined) ?? null,
    timeout: once.get('headrace-timeout-ms') ?? null,
  };
}

const ONCE = new Set([
  'accept',
  'host',
  'content-length',
  'content-type',
  'authorization',
  'connection',
  'traceparent',
  'accept-encoding',
  'inference-header-content-length',
  'headrace-timeout-ms',
]);

/** Whether an answer without a coding, whatever its type, is one to a request that runs a model. */
function takesInference(once: ReadonlyMap<string, string>): boolean {
  const type = once.get('content-type');
  const isPlain = type === undefined || BYTES_TYPE.test(type);
  return isPlain && preferredCoding(once.get('accept-encoding')) === null;
}

function acceptsJson(value: string): boolean {
  return value === '*/*' || value === 'application/json' || value.startsWith('application/json,');
}
