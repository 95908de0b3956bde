/** How files of each type begin, in hexadecimal digits. */
const beginnings = [
  ["image/png", /^89504e470d0a1a0a/],
  ["image/jpeg", /^ffd8ff/],
  ["image/gif", /^47494638(37|39)61/],
  ["image/webp", /^52494646.{8}57454250/],
];

/** What an upload is by its first bytes, whatever its sender says; undefined: none that we take. */
export function imageType(bytes) {
  const beginning = bytes.toString("hex", 0, 12);
  return beginnings.find(([, pattern]) => pattern.test(beginning))?.[0];
}
