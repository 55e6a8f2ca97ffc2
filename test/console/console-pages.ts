import { root } from '../../scripts/run-command.ts';

/** The paths of the console's pages, in the order of its menu. Types of a browser stay out of these programs, so it is loaded by its name. */
export async function consolePages(): Promise<readonly string[]> {
  const list: { readonly pages: readonly { readonly path: string }[] } = await import(
    `${root}/console/src/pages/pages.ts`
  );
  return list.pages.map(({ path }) => path);
}
