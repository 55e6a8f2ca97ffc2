import { seededRandom } from '../../base/rng.ts';

const USERS = 80;
const ITEMS = 40;
const SHOWN = 6_000;
const SPAN_MS = 7 * 86_400_000;
/** The newest item was shown this long ago: its label is known. */
const UNTIL_MS = 2 * 3_600_000;

/** A week of items that were shown to users, and their clicks, made up: each user likes one category of four. */
export function sampleClicks(now: number): { readonly shown: string; readonly clicks: string } {
  const random = seededRandom(3);
  const shown = ['id,at,user,item,category'];
  const clicks = ['id,at,user,item,category'];
  for (let i = 0; i < SHOWN; i += 1) {
    const at = now - UNTIL_MS - SPAN_MS + Math.floor((SPAN_MS * i) / SHOWN);
    const user = Math.floor(random() * USERS);
    const item = Math.floor(random() * ITEMS);
    const row = (time: number) =>
      `s${i},${new Date(time).toISOString()},user-${user},item-${item},category-${item % 4}`;
    shown.push(row(at));
    const likes = user % 4 === item % 4 ? 0.35 : 0.04;
    if (random() < likes) clicks.push(row(at + 1_000 + Math.floor(random() * 600_000)));
  }
  return { shown: `${shown.join('\n')}\n`, clicks: `${clicks.join('\n')}\n` };
}
