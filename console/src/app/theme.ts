const KEPT = 'headrace.theme';

export type Theme = 'light' | 'dark';

/** The theme that was chosen, or that of the system. */
export function currentTheme(): Theme {
  const kept = localStorage.getItem(KEPT);
  if (kept === 'light' || kept === 'dark') return kept;
  return matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
}

/** Shows a theme, and keeps it where it was chosen. Charts draw again. */
export function showTheme(theme: Theme, keep: boolean): void {
  if (keep) localStorage.setItem(KEPT, theme);
  document.documentElement.dataset['theme'] = theme;
  window.dispatchEvent(new Event('themechange'));
}

/** Shows the theme of the system from now on, and paper in the light one. For a page that keeps nothing. */
export function followSystemTheme(): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const show = () => showTheme(dark.matches ? 'dark' : 'light', false);
  show();
  dark.addEventListener('change', show);
  window.addEventListener('beforeprint', () => showTheme('light', false));
  window.addEventListener('afterprint', show);
}
