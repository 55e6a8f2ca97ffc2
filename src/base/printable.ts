/** Characters that move the cursor, restyle or reorder text: control characters but line ends and tabs, and marks of direction. */
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu;

/**
 * A text as a command prints it. Names and values come from files and servers: a terminal must show what they have, not obey it. Such
 * characters become `\u001b`, which JSON reads as the same character.
 */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(HIDDEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
