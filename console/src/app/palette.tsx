import { Dialog } from '@base-ui/react/dialog';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useId, useState } from 'react';
import dialog from '../look/dialog.module.css';
import css from './palette.module.css';
import { type Place, usePlaces } from './places.ts';

/** Most lines that are shown. */
const MOST = 40;

/** Goes anywhere by a few letters: ⌘K or Ctrl-K. */
export function Palette() {
  const [open, setOpen] = useState(false);
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent) => {
      if (event.key.toLowerCase() !== 'k' || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      setOpen((before) => !before);
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger>
        Go to <kbd className={css.key}>⌘K</kbd>
      </Dialog.Trigger>
      <Dialog.Portal>
        <Dialog.Backdrop className={dialog.shade} />
        <Dialog.Popup className={dialog.popup} data-kind="search">
          <Dialog.Title render={<h2 className={css.title}>Go to</h2>} />
          <Search onDone={() => setOpen(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function Search({ onDone }: { readonly onDone: () => void }) {
  const navigate = useNavigate();
  const id = useId();
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const found = matching(usePlaces(), text).slice(0, MOST);
  const chosen = Math.min(at, found.length - 1);
  const go = (place: Place | undefined) => {
    if (place === undefined) return;
    onDone();
    void navigate({ to: place.path, search: () => place.search });
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === 'ArrowDown') setAt(Math.min(found.length - 1, chosen + 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(0, chosen - 1));
    else if (event.key === 'Enter') go(found[chosen]);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input
        role="combobox"
        aria-label="A page, view, model, rollout, incident or job"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found.length === 0 ? undefined : `${id}-${chosen}`}
        className={css.input}
        placeholder="A page, view, model, rollout, incident or job"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      <div role="listbox" id={`${id}-list`} aria-label="Places" className={css.list}>
        {found.map((place, i) => (
          <div
            role="option"
            key={`${place.kind} ${place.name}`}
            id={`${id}-${i}`}
            aria-selected={i === chosen}
            tabIndex={-1}
            className={css.option}
            onClick={() => go(place)}
            onKeyDown={onKey}
          >
            <span>{place.name}</span> <span className={css.kind}>{place.kind}</span>
          </div>
        ))}
      </div>
      {found.length === 0 && <p className={css.kind}>Nothing has this name.</p>}
    </>
  );
}

/** Places whose name or kind has every word of the text. */
function matching(places: readonly Place[], text: string): readonly Place[] {
  const words = text.toLowerCase().split(/\s+/);
  return places.filter(({ name, kind }) => words.every((word) => `${name} ${kind}`.toLowerCase().includes(word)));
}
