import { readFileSync } from "node:fs";

/** Read once. */
let version: string | undefined;

/** The version of this program. */
export function packageVersion(): string {
  if (version === undefined) {
    // As deep as this in the sources and in what is built of them, bundled or not.
    const file = new URL("../../../package.json", import.meta.url);
    version = (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
  }
  return version;
}
