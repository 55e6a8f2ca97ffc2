/** A choice of one of few names; a native control, which every keyboard and reader knows. */
export function Choice(props: {
  readonly label: string;
  readonly value: string;
  readonly of: readonly (string | readonly [string, string])[];
  readonly onChange: (value: string) => void;
}) {
  const { label, value, of, onChange } = props;
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => onChange(event.target.value)}>
        {of.map((one) => {
          const [name, text] = typeof one === 'string' ? [one, one] : one;
          return (
            <option key={name} value={name}>
              {text}
            </option>
          );
        })}
      </select>
    </label>
  );
}
