/** Stands for the folder that serves the site; only a page knows it, when it is opened. */
export const BASE = '/BASE-OF-THE-SITE/';

interface SiteSettings {
  /** The folder of the pages. */
  readonly source: string;
  readonly out: string;
  readonly version: string;
  /** Entries of the menu of versions. */
  readonly versions: readonly { readonly text: string; readonly link: string; readonly target: '_self' }[];
}

/** What build.ts hands to VitePress, by one variable. */
export function siteSettings(env: Readonly<Record<string, string | undefined>>): SiteSettings {
  return JSON.parse(env['HEADRACE_SITE'] ?? '{}');
}

export function siteVariable(settings: SiteSettings): Readonly<Record<string, string>> {
  return { HEADRACE_SITE: JSON.stringify(settings) };
}
