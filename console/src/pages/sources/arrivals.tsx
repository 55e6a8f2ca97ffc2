import { useFeatureReport } from '../../app/use-feature-report.ts';
import { Fault } from '../../look/fault.tsx';
import { Skeleton } from '../../look/page.tsx';
import { Arrived } from './arrived.tsx';

/** The last day of a source: its volume, how late its events came, and what was refused by which rule. */
export function Arrivals({ source }: { readonly source: string }) {
  const { data, error } = useFeatureReport();
  if (error !== null) return <Fault error={error} />;
  if (data === undefined) return <Skeleton />;
  const found = data.sources.find((one) => one.source === source);
  return found === undefined ? null : <Arrived source={found} />;
}
