import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const folder = fileURLToPath(new URL('.', import.meta.url));

/** The page without data: one script, one style, and a policy that allows these two and no request. */
function onePage(): Plugin {
  return {
    name: 'one-page',
    enforce: 'post',
    generateBundle(_, bundle) {
      const texts = { script: '', style: '' };
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === 'chunk') texts.script += file.code;
        else if (name.endsWith('.css')) texts.style += String(file.source);
        else throw new Error(`the report has no place for ${name}`);
        delete bundle[name];
      }
      this.emitFile({ type: 'asset', fileName: 'report.html', source: pageOf(texts) });
    },
  };
}

function pageOf({ script, style }: { readonly script: string; readonly style: string }): string {
  // Either would end the script before its end.
  if (/<\/script|<!--/i.test(script)) throw new Error('the script of the report has a text that ends its element');
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ];
  const parts: Readonly<Record<string, string>> = {
    policy: `<meta http-equiv="Content-Security-Policy" content="${policy.join('; ')}">`,
    style: `<style>${style}</style>`,
    script: `<script>${script}</script>`,
  };
  const page = readFileSync(`${folder}report.html`, 'utf8');
  return page.replaceAll(/<!--(policy|style|script)-->/g, (_, name: string) => parts[name] ?? '');
}

/** Builds the page of a report, which works from the disk. */
export default defineConfig({
  root: folder,
  plugins: [onePage()],
  build: {
    outDir: '../dist/report-page',
    emptyOutDir: true,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: `${folder}src/report.tsx`,
      // A script of the classic kind: one of a module does not run from the disk in every browser.
      output: { format: 'iife' },
      onwarn: (warning, report) => {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') report(warning);
      },
    },
  },
});
