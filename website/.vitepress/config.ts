import { transformerStyleToClass } from '@shikijs/transformers';
import { anchorOf } from '../../scripts/markdown.ts';
import { finishSite, ICON, withoutInlineParts } from '../finish-site.ts';
import { type Markdown, readableAsPages } from '../markdown.ts';
import { BASE, siteSettings } from '../settings.ts';
import { sidebarsOf } from '../sidebar.ts';
import { mendedParts } from './mended-parts.ts';
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
  head: [
    ['link', { rel: 'stylesheet', href: `${BASE}code.css` }],
    ['link', { rel: 'icon', href: `${BASE}${ICON}`, type: 'image/svg+xml' }],
  ],
  // Without it, each change of dark and light adds a style element, which a strict content security policy refuses.
  appearance: { disableTransition: false },
  markdown: {
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    anchor: { slugify: anchorOf },
    codeTransformers: [colours],
    config: (md: Markdown) => readableAsPages(md, source, picture),
  },
  themeConfig: {
    search: { provider: 'local' },
    sidebar: sidebarsOf(source),
    outline: [2, 3],
    notFound: { linkLabel: 'Take me home' },
    nav: [{ text: version, items: versions }],
  },
  vite: { build: { chunkSizeWarningLimit: 4000 }, plugins: [mendedParts()] },
  transformHtml: withoutInlineParts,
  buildEnd: () => finishSite(out, colours.getCSS()),
};
