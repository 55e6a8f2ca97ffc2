import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { router } from './app/router.tsx';
import { SignedIn } from './app/session.tsx';
import { currentTheme, showTheme } from './app/theme.ts';
import './look/tokens.css';
import './look/base.css';

showTheme(currentTheme(), false);

const queries = new QueryClient({
  // An error answer says whether a retry helps; the pages show it, and the reader decides.
  defaultOptions: { queries: { retry: false, staleTime: 5_000, refetchOnWindowFocus: false } },
});

const place = document.getElementById('root');
if (place !== null)
  createRoot(place).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <SignedIn>
          <RouterProvider router={router} />
        </SignedIn>
      </QueryClientProvider>
    </StrictMode>,
  );
