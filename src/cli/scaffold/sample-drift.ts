import { seededRandom } from '../../base/rng.ts';

const ROWS = 3_000;

/** Two weeks of orders, made up: in the second one prices are higher, half of the phones are new, and a tenth of the ages is missing. */
export function sampleOrders(): { readonly reference: string; readonly current: string } {
  const random = seededRandom(5);
  return { reference: orders(random, false), current: orders(random, true) };
}

function orders(random: () => number, isLater: boolean): string {
  const rows = ['price,items,age,device,country'];
  for (let i = 0; i < ROWS; i += 1) {
    const price = Math.exp(3 + (isLater ? 0.35 : 0) + 0.5 * normal(random));
    const age = isLater && random() < 0.1 ? '' : String(Math.round(38 + 11 * normal(random)));
    const device = isLater && random() < 0.5 ? 'phone-2' : random() < 0.6 ? 'phone' : 'desktop';
    const country = random() < 0.7 ? 'DE' : random() < 0.5 ? 'AT' : 'CH';
    rows.push([price.toFixed(2), 1 + Math.floor(4 * random()), age, device, country].join(','));
  }
  return `${rows.join('\n')}\n`;
}

/** Box and Muller 1958. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
