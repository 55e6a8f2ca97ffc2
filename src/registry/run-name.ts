const FIRST = [
  'amber',
  'brisk',
  'calm',
  'clear',
  'crisp',
  'deep',
  'eager',
  'fair',
  'gentle',
  'keen',
  'light',
  'lively',
  'mild',
  'noble',
  'quick',
  'quiet',
  'rapid',
  'silver',
  'smooth',
  'steady',
  'swift',
  'vivid',
  'warm',
  'wide',
];
const SECOND = [
  'bay',
  'brook',
  'canyon',
  'cove',
  'creek',
  'delta',
  'falls',
  'fjord',
  'harbor',
  'inlet',
  'lagoon',
  'lake',
  'mill',
  'pool',
  'rapid',
  'reef',
  'ridge',
  'river',
  'shoal',
  'spring',
  'stream',
  'tide',
  'weir',
  'well',
];

/** A name for a run that nobody named, from its hexadecimal id. */
export function runName(id: string): string {
  const number = Number.parseInt(id.slice(0, 8), 16) || 0;
  const first = FIRST[number % FIRST.length];
  const second = SECOND[Math.floor(number / FIRST.length) % SECOND.length];
  return `${first}-${second}-${Math.floor(number / 576) % 1_000}`;
}
