import type { Bytes } from "../base/units.js";
import { UsageError } from "./argv.js";
import type { Arguments } from "./command.js";

/** The `NAME [PAYLOAD]` of an event or a query. Throws UsageError, with `missing` if there is no name. */
export function nameAndPayload(args: Arguments, missing: string): { name: string; payload: Bytes } {
  const [name, payload = "", ...more] = args.positionals;
  if (name === undefined) throw new UsageError(missing);
  if (more.length > 0) {
    throw new UsageError(
      "Too many command line arguments. Only a name and payload must be specified.",
    );
  }
  return { name, payload: Buffer.from(payload) };
}
