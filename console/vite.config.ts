import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Addresses are relative, so that a proxy may serve the console below any path.
  base: './',
  build: {
    outDir: '../dist/console',
    emptyOutDir: true,
    assetsDir: 'console',
    // The policy of the page forbids data in addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The licences of packages that the console is built with: the tarball has them too.
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // "use client" of libraries says nothing here: there is no server side.
      onwarn: (warning, report) => {
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') report(warning);
      },
    },
  },
});
