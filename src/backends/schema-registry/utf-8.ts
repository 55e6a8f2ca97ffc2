// A byte order mark is a character of the text.
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of bytes in UTF-8. Throws where they are not. */
export function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new Error('a text is not UTF-8', { cause });
  }
}
