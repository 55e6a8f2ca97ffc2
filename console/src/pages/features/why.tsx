import type { Schema } from '../../api/client.ts';
import { countText, durationText, NONE, numberText } from '../../look/format.ts';
import { Empty } from '../../look/page.tsx';
import { Rows } from '../../look/rows.tsx';
import { Time } from '../../look/time.tsx';

export type Lookup = Schema<'ExplainedLookup'>;
type Shown = Lookup['key'][string];
type Event = Lookup['events'][number];

/** The tiles and events that one value of a vector comes from. */
export function Why({ name, lookups }: { readonly name: string; readonly lookups: readonly Lookup[] }) {
  const lookup = lookups.find(({ alias }) => name.startsWith(`${alias}_`));
  const feature = lookup === undefined ? '' : name.slice(lookup.alias.length + 1);
  const window = lookup?.windows?.find(({ values }) => feature in values);
  if (lookup === undefined || window === undefined)
    return <Empty>Only values of stream views have tiles: {name} comes from a batch view, or from the request.</Empty>;
  const { tiles, moreTiles, events, windowMs, from, to } = window;
  const key = Object.entries(lookup.key).map(([part, value]) => `${part} ${shownText(value)}`);
  const seen = lookup.events.filter((event) => isWithin(event, lookup, from));
  return (
    <>
      <h3>
        {name} is {shownText(window.values[feature] ?? null)}
      </h3>
      <p>
        Of {countText(events, 'event')} of {lookup.source} for {key.join(', ')}
        {windowMs === null ? ', all that came' : `, in the last ${durationText(windowMs)}`}: from <Time at={from} /> to{' '}
        <Time at={to} />, exclusive. View {lookup.view} has them in {countText(tiles.length + moreTiles, 'tile')}.
      </p>
      <Rows
        label={`Tiles of ${name}`}
        rows={tiles}
        keyOf={({ hopMs, start }) => `${hopMs} ${start}`}
        columns={[
          { title: 'Tile from', cell: ({ start }) => <Time at={start} /> },
          { title: 'Length', isFigure: true, cell: ({ hopMs }) => durationText(hopMs) },
          { title: 'Events', isFigure: true, cell: (tile) => numberText(tile.events) },
          { title: 'Newest event', cell: ({ latest }) => <Time at={latest} /> },
          {
            title: `${feature} of this tile alone`,
            isFigure: true,
            cell: ({ alone }) => shownText(alone[feature] ?? null),
          },
        ]}
      />
      {moreTiles > 0 && <p>{countText(moreTiles, 'older tile')} more.</p>}
      <Events lookup={lookup} events={seen} all={events} name={name} />
    </>
  );
}

function Events(props: {
  readonly lookup: Lookup;
  readonly events: Lookup['events'];
  readonly all: number;
  readonly name: string;
}) {
  const { lookup, events, all, name } = props;
  const columns = Object.keys(events[0] ?? {});
  if (columns.length === 0) return <Empty>No event of this key is in the window.</Empty>;
  return (
    <>
      <Rows
        label={`Events of ${name}`}
        rows={events.map((event, no) => ({ event, no }))}
        keyOf={({ no }) => `${no}`}
        columns={columns.map((column) => ({
          title: column,
          cell: (row: { readonly event: Event }) =>
            column === lookup.time ? <Time at={Number(row.event[column])} /> : shownText(row.event[column] ?? null),
        }))}
      />
      {all > events.length && <p>The newest {numberText(events.length)} are shown.</p>}
    </>
  );
}

function isWithin(event: Event, { time }: Lookup, from: number | null): boolean {
  return from === null || Number(event[time]) >= from;
}

/** A value for people: a time or a number with its digits, a text as it is. */
function shownText(value: Shown): string {
  if (value === null) return NONE;
  return typeof value === 'number' ? numberText(value) : String(value);
}
