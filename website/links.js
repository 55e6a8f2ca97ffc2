// Runs when a page is parsed. Its links and its icon become absolute, since they stay while the address changes.
for (const link of document.querySelectorAll('a[href^="."], link[rel="icon"]')) {
  const { pathname, hash } = new URL(link.href);
  link.setAttribute('href', pathname + hash);
}
