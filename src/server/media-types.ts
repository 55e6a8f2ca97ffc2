/** Whether a body of this media type is JSON lines. */
export function isJsonLines(contentType: string): boolean {
  return contentType.toLowerCase().startsWith('application/x-ndjson');
}
