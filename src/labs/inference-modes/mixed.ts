import { answerText } from '../../base/read-answer.ts';
import { labStep } from '../lab.ts';
import { openOffersShop, taken } from './offers-shop.ts';

/** Pages that are asked in each way while versions change. */
const PAGES = 10;
/** Offers of a page. */
const PAGE = 20;

type Question = { readonly id: string; readonly request: object };

async function versionsOf(url: string, body: object): Promise<readonly number[]> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await answerText(answer.body);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}: ${text}`);
  const { version, predictions } = JSON.parse(text) as {
    readonly version?: number;
    readonly predictions?: readonly { readonly version: number }[];
  };
  return predictions?.map((one) => one.version) ?? [version ?? Number.NaN];
}

/** A version is promoted while somebody waits. */
export const mixed = labStep({
  id: 'mixed',
  title: 'A version changes while a page is ranked',
  asks: 'A page ranks offers by their scores, and a version is promoted at any moment. Scores of two versions do not compare. Roll versions while pages are asked for, and choose how the page asks.',
  act: {
    verb: 'Roll versions under load',
    effect: 'Asks a server for pages of offers, and promotes the other version in the middle of every one.',
  },
  figures: {
    pages: { what: 'pages that were asked for in each way', unit: '' },
    offers: { what: 'offers of a page', unit: '' },
    promotions: { what: 'promotions meanwhile', unit: '' },
  },
  loss: { what: 'pages with scores of two versions', unit: '%' },
  choices: {
    each: {
      text: 'One call for each offer, all at the newest version',
      shows: '{loss} of {pages} pages had scores of two versions: each record took the version of its moment.',
    },
    halves: {
      text: 'Two calls, each with half of the page',
      shows: '{loss} of {pages} pages had scores of two versions: there is no rule across calls.',
    },
    page: {
      text: 'One call for the page: a call has one version',
      shows: '{loss} of {pages} pages had scores of two versions.',
    },
  },
  measure: async ({ folder, random, serve, signal, say }) => {
    say('trains two versions');
    const { headrace, versions, anyRequest } = await openOffersShop(folder, random);
    const server = await serve(headrace);
    const url = `${server.url}/v1/predictions/${taken.name}`;
    let promotions = 0;
    const promoteOther = () => {
      promotions += 1;
      return headrace.promote(taken, versions[promotions % 2]);
    };
    /** A page in some calls, with a promotion in the middle of it. */
    const isMixed = async (questions: readonly Question[], calls: number) => {
      const found: number[] = [];
      const size = Math.ceil(questions.length / calls);
      for (let call = 0; call < calls; call += 1) {
        const requests = questions.slice(call * size, (call + 1) * size);
        const asked = versionsOf(url, calls === questions.length ? requests[0] : { requests });
        const promoted = call === Math.floor((calls - 1) / 2) ? promoteOther() : null;
        found.push(...(await asked));
        await promoted;
      }
      return new Set(found).size > 1;
    };
    const ways = { each: PAGE, halves: 2, page: 1 } as const;
    const counts = { each: 0, halves: 0, page: 0 };
    try {
      say('asks for pages while versions are promoted');
      for (let page = 0; page < PAGES; page += 1)
        for (const way of ['each', 'halves', 'page'] as const) {
          signal.throwIfAborted();
          const questions = Array.from({ length: PAGE }, (_, i) => ({
            id: `${way}-${page}-${i}`,
            request: anyRequest(),
          }));
          if (await isMixed(questions, ways[way])) counts[way] += 1;
        }
      const percent = (count: number) => (100 * count) / PAGES;
      return {
        figures: { pages: PAGES, offers: PAGE, promotions },
        losses: { each: percent(counts.each), halves: percent(counts.halves), page: percent(counts.page) },
      };
    } finally {
      await server.close();
      await headrace.close();
    }
  },
});
