// Runs when a page is parsed. Its links become absolute, since the sidebar stays while the address changes.
for (const link of document.querySelectorAll('a[href^="."]')) link.setAttribute('href', link.pathname + link.hash);
