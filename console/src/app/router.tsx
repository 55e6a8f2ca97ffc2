import { createHashHistory, createRootRoute, createRoute, createRouter, Link } from '@tanstack/react-router';
import { lazy, Suspense } from 'react';
import { Fault } from '../look/fault.tsx';
import { Page, Skeleton } from '../look/page.tsx';
import { type ConsolePage, pages } from '../pages/pages.ts';
import { textsOf } from './address.ts';
import { mlflowRoutes } from './mlflow-routes.ts';
import { Shell } from './shell.tsx';

const root = createRootRoute({
  component: Shell,
  notFoundComponent: () => (
    <Page title="No such page" finding="The address names no page of the console.">
      <Link to="/">Overview</Link>
    </Page>
  ),
  errorComponent: ({ error }) => <Fault error={error} />,
});

function routeOf({ path, load }: ConsolePage) {
  const Shown = lazy(async () => ({ default: (await load()).Page }));
  return createRoute({
    getParentRoute: () => root,
    path,
    validateSearch: textsOf,
    component: () => (
      <Suspense fallback={<Skeleton />}>
        <Shown />
      </Suspense>
    ),
    errorComponent: ({ error }) => <Fault error={error} />,
  });
}

/** The address after `#` names the page and its state: the server needs to know neither, behind any path of a proxy. */
export const router = createRouter({
  routeTree: root.addChildren([...pages.map(routeOf), ...mlflowRoutes(root)]),
  history: createHashHistory(),
  defaultPreload: false,
});
