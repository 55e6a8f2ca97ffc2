const TOKENS = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\s+|[^'"\s]+|['"]/g;

/**
 * SQL text reduced to its meaning: a run of white space outside of quotes is one space. Text with
 * comments or dollar quotes stays as it is, since line ends and spaces may matter there.
 */
export function sqlMeaning(text: string): string {
  if (/--|\/\*|\$\$/.test(text)) return text.trim();
  const tokens = text.match(TOKENS) ?? [];
  return tokens
    .map((token) => (/^\s/.test(token) ? ' ' : token))
    .join('')
    .trim();
}
