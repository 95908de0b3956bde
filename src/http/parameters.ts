import type { HttpContext } from "./exchange.js";
import { Refusal } from "./refusal.js";

/** What stands behind the question mark of a request. */
export class Parameters {
  readonly #given: Readonly<Record<string, readonly string[]>>;

  /** Takes no others than those, and only `repeated` more than once. Throws {@link Refusal}. */
  constructor(c: HttpContext, known: readonly string[], repeated = "") {
    this.#given = c.req.queries();
    for (const [key, values] of Object.entries(this.#given)) {
      if (!known.includes(key)) {
        const hint = known.length === 0 ? "There are none here." : `Known: ${known.join(", ")}.`;
        throw new Refusal(400, "a parameter is not known", hint);
      }
      if (values.length > 1 && key !== repeated) {
        throw new Refusal(400, `${key} is given more than once`);
      }
    }
  }

  text(key: string): string | undefined {
    return this.all(key)[0];
  }

  all(key: string): readonly string[] {
    return Object.hasOwn(this.#given, key) ? (this.#given[key] ?? []) : [];
  }

  integer(key: string, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(key);
    if (text === undefined) return undefined;
    if (/^\d{1,16}$/.test(text) && Number(text) <= most) return Number(text);
    throw new Refusal(400, `${key} has to be a whole number from 0 to ${most}`);
  }

  /** Those of the form `KEY=VALUE`. */
  pairs(key: string): Readonly<Record<string, string>> {
    return Object.fromEntries(
      this.all(key).map((text) => {
        const split = text.indexOf("=");
        if (split < 1) throw new Refusal(400, `${key} has to be KEY=VALUE`);
        return [text.slice(0, split), text.slice(split + 1)];
      }),
    );
  }
}
