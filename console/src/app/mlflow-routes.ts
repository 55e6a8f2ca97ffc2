import { type AnyRootRoute, createRoute, redirect } from '@tanstack/react-router';

/** The pages of MLflow whose addresses its clients print after a run: "View run at <server>/#/experiments/1/runs/4f". */
const PATHS = [
  '/experiments/$experiment',
  '/experiments/$experiment/runs/$run',
  '/experiments/$experiment/models/$model',
] as const;

/** Routes that show the run, or the experiment, of such an address on the page of models. */
export function mlflowRoutes(root: AnyRootRoute) {
  return PATHS.map((path) =>
    createRoute({
      getParentRoute: () => root,
      path,
      beforeLoad: ({ params }: { readonly params: { readonly experiment: string; readonly run?: string } }) => {
        const { experiment, run } = params;
        throw redirect({ to: '/models', search: run === undefined ? { experiment } : { experiment, runs: run } });
      },
    }),
  );
}
