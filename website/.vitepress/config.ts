import { transformerStyleToClass } from '@shikijs/transformers';
import { anchorOf } from '../../scripts/markdown.ts';
import { finishSite, withoutInlineScripts } from '../finish-site.ts';
import { type Markdown, readableAsPages } from '../markdown.ts';
import { BASE, siteSettings } from '../settings.ts';
import { sidebarsOf } from '../sidebar.ts';
import { picture } from './picture.ts';

const { source, out, version, versions } = siteSettings(process.env);
const colours = transformerStyleToClass({ classPrefix: 'c-' });

export default {
  title: 'Headrace',
  description: 'Features, models, service levels and responses to drift, declared once in TypeScript',
  srcDir: source,
  outDir: out,
  base: BASE,
  metaChunk: true,
  rewrites: { 'README.md': 'index.md', ':folder/README.md': ':folder/index.md' },
  head: [['link', { rel: 'stylesheet', href: `${BASE}code.css` }]],
  markdown: {
    anchor: { slugify: anchorOf },
    codeTransformers: [colours],
    config: (md: Markdown) => readableAsPages(md, source, picture),
  },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: sidebarsOf(source),
    outline: [2, 3],
    nav: [{ text: version, items: versions }],
  },
  vite: { build: { chunkSizeWarningLimit: 4000 } },
  transformHtml: withoutInlineScripts,
  buildEnd: () => finishSite(out, colours.getCSS()),
};
