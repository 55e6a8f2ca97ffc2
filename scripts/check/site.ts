import { buildSite, siteFolder } from '../../website/build.ts';
import { checkSite } from '../../website/check-site.ts';
import { root } from '../run-command.ts';
import type { Check } from './check.ts';
import { indexFaults } from './page-index.ts';

/** The documentation is built as a site; its index names every page once; each address of the site leads to a page of it. */
export const site: Check = {
  name: 'site',
  async run() {
    await buildSite();
    const { pages, links, problems } = checkSite(siteFolder);
    return { seen: `${pages} pages, ${links} addresses`, problems: [...indexFaults(`${root}/docs`), ...problems] };
  },
};
