/** How the bytes of a configuration file are text. */
export type Encoding = "utf8" | "latin1";

/** Text that is not UTF-8 is taken byte by byte, so that the comments of others stay what they are. */
export function decode(bytes: Buffer): { readonly text: string; readonly encoding: Encoding } {
  const text = bytes.toString("utf8");
  if (Buffer.from(text, "utf8").equals(bytes)) return { text, encoding: "utf8" };
  return { text: bytes.toString("latin1"), encoding: "latin1" };
}

/** A text with characters that no single byte stands for is not that of the file any more, but a template's. */
export function encode(text: string, encoding: Encoding): Buffer {
  const fits = encoding === "utf8" || !/[^\0-\xff]/.test(text);
  return Buffer.from(text, fits ? encoding : "utf8");
}
