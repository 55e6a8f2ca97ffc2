import { Dialog } from '@base-ui/react/dialog';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { useConnection, useLive } from '../api/live.ts';
import dialog from '../look/dialog.module.css';
import { State } from '../look/state.tsx';
import { Time } from '../look/time.tsx';
import { type ConsolePage, pages } from '../pages/pages.ts';
import { Palette } from './palette.tsx';
import { useSession } from './session.tsx';
import css from './shell.module.css';
import { currentTheme, showTheme } from './theme.ts';

/** The frame of every page: menu, palette, theme, and the state of the live data. */
export function Shell() {
  const title = useTitle();
  // Every page is live by this one, whatever else it watches.
  const project = useLive('/v1/status').value?.project ?? '';
  useEffect(() => {
    document.title = `${title} · Headrace`;
  }, [title]);
  return (
    <div className={css.shell}>
      <button type="button" className={css.skip} onClick={toMain}>
        Skip to the page
      </button>
      <header className={css.bar}>
        <SmallMenu />
        <span className={css.brand}>Headrace</span>
        <span className={css.project}>{project}</span>
        <span className={css.space} />
        <Connected />
        <Palette />
        <ThemeButton />
      </header>
      <nav className={css.menu} aria-label="Pages">
        <Menu />
      </nav>
      <main className={css.main} id="main" tabIndex={-1}>
        <Outlet />
      </main>
    </div>
  );
}

/** A link could not do it: what follows # in the address is the router's. */
function toMain(): void {
  document.getElementById('main')?.focus();
}

/** Pages that the caller may see and the server offers. */
export function useSeenPages(): readonly ConsolePage[] {
  const { scopes = [], labs = false } = useSession() ?? {};
  return pages.filter(({ path, needs }) => {
    if (path === '/labs' && !labs) return false;
    return needs === undefined || scopes.includes(needs);
  });
}

function useTitle(): string {
  const path = useRouterState({ select: ({ location }) => location.pathname });
  return pages.find((page) => page.path === path)?.title ?? 'Console';
}

function Menu({ onChoose }: { readonly onChoose?: () => void }) {
  return (
    <ul>
      {useSeenPages().map(({ path, title }) => (
        <li key={path}>
          <Link to={path} activeOptions={{ exact: true, includeSearch: false }} onClick={onChoose}>
            {title}
          </Link>
        </li>
      ))}
    </ul>
  );
}

/** The menu of a narrow window. */
function SmallMenu() {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger className={css.small}>Menu</Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className={dialog.shade} />
        <Dialog.Popup className={css.drawer}>
          <Dialog.Title render={<h2>Pages</h2>} />
          <Menu onChoose={() => setOpen(false)} />
          <Dialog.Close>Close</Dialog.Close>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Connected() {
  const { state, heardAt } = useConnection();
  if (state === 'live') return <State tone="good">Live</State>;
  if (state === 'connecting') return <State tone="idle">Connecting</State>;
  return (
    <output className={css.lost}>
      <State tone="bad">Not live</State> since <Time at={heardAt} />
    </output>
  );
}

function ThemeButton() {
  const [theme, setTheme] = useState(currentTheme);
  const other = theme === 'dark' ? 'light' : 'dark';
  const change = () => {
    setTheme(other);
    showTheme(other, true);
  };
  return (
    <button type="button" onClick={change} aria-label={`Show the ${other} theme`} title={`Show the ${other} theme`}>
      {theme === 'dark' ? '☀' : '☾'}
    </button>
  );
}
