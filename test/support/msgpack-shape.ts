/**
 * The shape of msgpack bytes, read without the codec under test: which keys stand where and by which
 * family of bytes each value is written. `next` is where the value ends.
 */
export function shapeOf(bytes: Uint8Array, start = 0): { shape: string; next: number } {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const walk = (at: number): { shape: string; next: number } => {
    const byte = view.readUInt8(at);
    if (byte <= 0x7f) return { shape: "uint", next: at + 1 };
    if (byte <= 0x8f) return map(at + 1, byte & 0x0f);
    if (byte <= 0x9f) return array(at + 1, byte & 0x0f);
    if (byte <= 0xbf) return { shape: "raw", next: at + 1 + (byte & 0x1f) };
    if (byte >= 0xe0) return { shape: "int", next: at + 1 };
    switch (byte) {
      case 0xc0:
        return { shape: "nil", next: at + 1 };
      case 0xc2:
      case 0xc3:
        return { shape: "bool", next: at + 1 };
      case 0xca:
        return { shape: "float32", next: at + 5 };
      case 0xcb:
        return { shape: "float64", next: at + 9 };
      case 0xcc:
        return { shape: "uint", next: at + 2 };
      case 0xcd:
        return { shape: "uint", next: at + 3 };
      case 0xce:
        return { shape: "uint", next: at + 5 };
      case 0xcf:
        return { shape: "uint", next: at + 9 };
      case 0xda:
        return { shape: "raw", next: at + 3 + view.readUInt16BE(at + 1) };
      case 0xdb:
        return { shape: "raw", next: at + 5 + view.readUInt32BE(at + 1) };
      case 0xdc:
        return array(at + 3, view.readUInt16BE(at + 1));
      case 0xde:
        return map(at + 3, view.readUInt16BE(at + 1));
      default:
        throw new Error(`byte ${byte.toString(16)} does not belong in gossip`);
    }
  };
  const text = (at: number): { text: string; next: number } => {
    const { next } = walk(at);
    const byte = view.readUInt8(at);
    const header = byte === 0xda ? 3 : byte === 0xdb ? 5 : 1;
    return { text: view.toString("utf8", at + header, next), next };
  };
  const map = (from: number, count: number): { shape: string; next: number } => {
    const fields: string[] = [];
    let at = from;
    for (let index = 0; index < count; index += 1) {
      const key = text(at);
      const value = walk(key.next);
      fields.push(`${key.text}:${value.shape}`);
      at = value.next;
    }
    return { shape: `{${fields.join(" ")}}`, next: at };
  };
  const array = (from: number, count: number): { shape: string; next: number } => {
    const seen = new Set<string>();
    let at = from;
    for (let index = 0; index < count; index += 1) {
      const value = walk(at);
      seen.add(value.shape);
      at = value.next;
    }
    return { shape: `[${[...seen].sort().join("|")}]`, next: at };
  };
  return walk(start);
}
