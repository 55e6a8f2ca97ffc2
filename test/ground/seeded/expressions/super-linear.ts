/** Each takes more than linear time for some text: two repetitions may share what they match, or one may begin anywhere. */
export const superLinear = [
  /^([a-z-]+):[ \t]*([\t\x20-\x7e]*)$/,
  /^(a+)+$/,
  /^(#.*\n|\s*\n)*end/,
  /^\s*,?\s*$/,
  /\s+$/,
  /^\d+\.?\d*$/,
  new RegExp('a'),
];
