import { useQuery } from '@tanstack/react-query';
import { answer, client } from '../api/client.ts';

/** The declaration in short. It changes with a restart of the server. */
export function useProject() {
  return useQuery({
    queryKey: ['/v1/project'],
    queryFn: () => answer(client.GET('/v1/project')),
    staleTime: 60_000,
  });
}
