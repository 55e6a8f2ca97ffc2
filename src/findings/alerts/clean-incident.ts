import type { Incident } from '../../ports/incident.ts';

const REMOVED = '[removed]';

/** Addresses of mail, and phone numbers with their country. */
const PERSONAL = [/[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64}){1,4}/g, /\+\d[\d ().-]{6,20}\d/g];

/** Numbers of cards: 13 to 19 digits, alone or in groups. */
const CARD = /\b\d(?:[ -]?\d){12,18}\b/g;

const MOST_TEXT = 2_000;
const DEEPEST = 6;
const MOST_ENTRIES = 200;

/** An incident without the given secrets, and without texts that look like a person's: mail, phone and card numbers. */
export function cleanIncident(incident: Incident, secrets: readonly string[]): Incident {
  const text = (value: string) => cleanText(value, secrets);
  return {
    ...incident,
    summary: text(incident.summary).replaceAll(/\s+/g, ' ').trim(),
    slice: incident.slice === null ? null : text(incident.slice),
    evidence: cleanValue(incident.evidence, text, 0) as Incident['evidence'],
  };
}

export function cleanText(value: string, secrets: readonly string[]): string {
  let text = value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)}…` : value;
  // Short secrets would take ordinary words with them.
  for (const secret of secrets) if (secret.length >= 6) text = text.replaceAll(secret, REMOVED);
  for (const pattern of PERSONAL) text = text.replaceAll(pattern, REMOVED);
  return text.replaceAll(CARD, (digits) => (isCard(digits) ? REMOVED : digits));
}

function cleanValue(value: unknown, text: (value: string) => string, depth: number): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value !== 'object' || depth >= DEEPEST) return null;
  if (Array.isArray(value)) return value.slice(0, MOST_ENTRIES).map((one) => cleanValue(one, text, depth + 1));
  const entries = Object.entries(value).slice(0, MOST_ENTRIES);
  return Object.fromEntries(entries.map(([name, one]) => [text(name), cleanValue(one, text, depth + 1)]));
}

/** The check digit of ISO/IEC 7812-1 (Luhn). Most other numbers of this length fail it. */
function isCard(written: string): boolean {
  const digits = written.replaceAll(/\D/g, '');
  let sum = 0;
  for (let i = 0; i < digits.length; i += 1) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
