/** A change of a part of the default theme: the text that it has, and the text that it gets. */
const changes: Readonly<Record<string, readonly [before: string, after: string]>> = {
  // The whole row is a button that opens the section; a second button in it is of no use to a screen reader.
  'VPSidebarItem.vue': [
    `role="button"
        aria-label="toggle section"
        @click="onCaretClick"
        @keydown.enter="onCaretClick"
        tabindex="0"`,
    'aria-hidden="true"',
  ],
  // The key of the search is no part of its name; pages.css shows it.
  'VPNavBarSearchButton.vue': ['Key">K</kbd>', 'Key"></kbd>'],
};

interface Part {
  readonly name: string;
  readonly enforce: 'pre';
  transform(code: string, id: string): string | null;
}

/** Changes parts of the default theme that a screen reader cannot use. A part of another text than is known here is an error. */
export function mendedParts(): Part {
  return {
    name: 'mended-parts',
    enforce: 'pre',
    transform(code, id) {
      const change = changes[id.split('/').at(-1) ?? ''];
      if (change === undefined) return null;
      const [before, after] = change;
      if (!code.includes(before)) throw new Error(`${id} has no ${before}`);
      return code.replace(before, after);
    },
  };
}
