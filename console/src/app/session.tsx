import { Button } from '@base-ui/react/button';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type FormEvent, type ReactNode, use, useState } from 'react';
import { asApiError } from '../api/api-error.ts';
import { answer, client, type Schema } from '../api/client.ts';
import { setKey } from '../api/key.ts';
import { live } from '../api/live.ts';
import { Fault } from '../look/fault.tsx';
import css from './session.module.css';

type Session = Schema<'Session'>;
type Scope = Session['scopes'][number];

const Current = createContext<Session | null>(null);

/** Asks for a key where the server needs one, and shows the console to those who may read. */
export function SignedIn({ children }: { readonly children: ReactNode }) {
  const queries = useQueryClient();
  const { data, error, isPending } = useQuery({
    queryKey: ['/v1/session'],
    queryFn: () => answer(client.GET('/v1/session')),
    retry: false,
    refetchInterval: 10_000,
  });
  const signIn = (text: string) => {
    setKey(text);
    live.restart();
    void queries.invalidateQueries();
  };
  const failed = error === null ? null : asApiError(error);
  if (failed !== null && failed.status === 401) return <SignIn onKey={signIn} />;
  if (data === undefined) return isPending ? null : <Fault error={error} />;
  return <Current value={data}>{children}</Current>;
}

/** The caller as the server sees it. */
export function useSession(): Session | null {
  return use(Current);
}

/** Whether the caller has a scope: a button that a key may not press is not there. */
export function useMay(scope: Scope): boolean {
  return use(Current)?.scopes.includes(scope) ?? false;
}

function SignIn({ onKey }: { readonly onKey: (text: string) => void }) {
  const [text, setText] = useState('');
  const [tried, setTried] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    onKey(text.trim());
  };
  return (
    <main className={css['signIn']}>
      <h1>Sign in</h1>
      <p>This server answers callers with an API key. The key stays in the memory of this page.</p>
      {tried && (
        <p role="alert" className={css['refused']}>
          The server does not take this key. Make one with <code>headrace keys create console --scopes read</code>.
        </p>
      )}
      <form onSubmit={submit}>
        <label>
          API key
          <input
            type="password"
            autoComplete="current-password"
            value={text}
            onChange={(e) => setText(e.target.value)}
          />
        </label>
        <Button type="submit" data-kind="main" disabled={text.trim() === ''}>
          Sign in
        </Button>
      </form>
    </main>
  );
}
