// Runs before the first paint of each page: the folder of the site, then dark or light as the reader chose.
(() => {
  const { documentElement: page, currentScript } = document;
  window.__DOCS__ = new URL('.', currentScript.src).pathname;
  const chosen = localStorage.getItem('vitepress-theme-appearance') || 'auto';
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  page.classList.toggle('dark', chosen === 'auto' ? dark : chosen === 'dark');
  page.classList.toggle('mac', /Mac|iPhone|iPod|iPad/i.test(navigator.platform));
})();
