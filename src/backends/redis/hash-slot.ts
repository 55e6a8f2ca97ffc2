/** Slots of a cluster. */
const SLOTS = 16_384;

const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 0x8000) === 0 ? crc << 1 : (crc << 1) ^ 0x1021;
  return crc;
});

/** The slot of the text between the first braces of a key: CRC-16/XMODEM, as the cluster specification has it. */
export function slotOf(tag: string): number {
  let crc = 0;
  for (let i = 0; i < tag.length; i += 1) {
    const byte = tag.charCodeAt(i);
    if (byte > 0x7f) return slotOfBytes(Buffer.from(tag));
    crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte];
  }
  return crc % SLOTS;
}

function slotOfBytes(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) & 0xffff) ^ table[(crc >> 8) ^ byte];
  return crc % SLOTS;
}

/** A short tag for each of `count` slots that lie evenly over the whole range. */
export function evenTags(count: number): readonly string[] {
  const tags = new Array<string | undefined>(count);
  for (let i = 0, missing = count; missing > 0; i += 1) {
    const tag = i.toString(36);
    const place = (slotOf(tag) * count) / SLOTS;
    if (!Number.isInteger(place) || tags[place] !== undefined) continue;
    tags[place] = tag;
    missing -= 1;
  }
  return tags.map((tag) => tag ?? '');
}
