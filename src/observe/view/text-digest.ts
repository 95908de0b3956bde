/**
 * 64 bits of `texts` in hex, the same on every machine. It tells texts apart that differ by chance, not
 * those that somebody made up to be taken for each other.
 *
 * Two lanes of MurmurHash3's mixing over UTF-16 units; each text goes in with its length, so that
 * `["ab", "c"]` and `["a", "bc"]` differ.
 */
export function textDigest(texts: readonly string[]): string {
  let low = 0x9e3779b9 | 0;
  let high = 0x85ebca6b | 0;
  for (const text of texts) {
    // The length goes in before the first unit. Nothing is called here: a thousand members are read at once.
    let value = text.length;
    for (let index = 0; index <= text.length; index += 1) {
      low = Math.imul(low ^ value, 0x85ebca77);
      low = (low << 13) | (low >>> 19);
      high = Math.imul(high ^ value, 0xc2b2ae3d);
      high = (high << 15) | (high >>> 17);
      value = text.charCodeAt(index);
    }
  }
  return hex(finish(low ^ high)) + hex(finish(high + Math.imul(low, 5)));
}

function finish(lane: number): number {
  let value = lane;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

function hex(lane: number): string {
  return lane.toString(16).padStart(8, "0");
}
