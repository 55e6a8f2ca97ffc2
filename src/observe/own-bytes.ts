import { readFileSync } from 'node:fs';

/** Memory of this process without pages of files, in bytes; null where the system does not say. */
export function ownBytes(): number | null {
  try {
    const kibibytes = /^RssAnon:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
  } catch {
    return null;
  }
}
