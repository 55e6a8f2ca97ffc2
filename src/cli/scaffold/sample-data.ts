const USERS = 60;
const VISITS = 3_000;
const DAY_MS = 86_400_000;
const SPAN_MS = 14 * DAY_MS;
const MINUTE_MS = 60_000;
/** The newest visit is so old that its label is known. */
const UNTIL_MS = 2 * 3_600_000;

/** Two weeks of visits and purchases of a small shop that end shortly before `now`: some users buy often, most rarely. */
export function sampleData(now: number): { readonly visits: string; readonly purchases: string } {
  const random = randomNumbers(1);
  const visits = ['id,at,user'];
  const purchases = ['id,at,user,price'];
  for (let i = 0; i < VISITS; i += 1) {
    const at = now - UNTIL_MS - SPAN_MS + Math.floor((SPAN_MS * i) / VISITS);
    const user = Math.floor(random() * USERS);
    visits.push(`v${i},${new Date(at).toISOString()},user-${user}`);
    if (random() > (user % 4 === 0 ? 0.6 : 0.1)) continue;
    const bought = at + Math.ceil(random() * 30) * MINUTE_MS;
    purchases.push(`v${i},${new Date(bought).toISOString()},user-${user},${(5 + random() * 95).toFixed(2)}`);
  }
  return { visits: `${visits.join('\n')}\n`, purchases: `${purchases.join('\n')}\n` };
}

/** Numbers from 0 to 1, the same for the same seed: Marsaglia's xorshift32. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
