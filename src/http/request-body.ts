import { isUtf8 } from "node:buffer";
import type { HttpContext } from "./exchange.js";
import { Refusal } from "./refusal.js";

/** An object of JSON that a client sent, field by field. */
export class RequestBody {
  readonly #fields: ReadonlyMap<string, unknown>;

  private constructor(fields: ReadonlyMap<string, unknown>) {
    this.#fields = fields;
  }

  /** Takes no other fields than those. Throws {@link Refusal}. */
  static async read(c: HttpContext, known: readonly string[]): Promise<RequestBody> {
    const body = new RequestBody(new Map(Object.entries(await readObject(c))));
    for (const key of body.#fields.keys()) {
      if (known.includes(key)) continue;
      throw new Refusal(
        400,
        "the body has a field that is not known",
        `Known: ${known.join(", ")}.`,
      );
    }
    return body;
  }

  text(key: string): string | undefined {
    const value = this.#of(key);
    if (value === undefined || typeof value === "string") return value;
    throw wrong(key, "a text");
  }

  required(key: string): string {
    const value = this.text(key);
    if (value === undefined || value === "") throw wrong(key, "a text that is not empty");
    return value;
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.#of(key) ?? otherwise;
    if (typeof value === "boolean") return value;
    throw wrong(key, "true or false");
  }

  /** Both included. */
  integer(key: string, least: number, most: number): number | undefined {
    const value = this.#of(key);
    if (value === undefined) return undefined;
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) {
      return value;
    }
    throw wrong(key, `a whole number from ${least} to ${most}`);
  }

  texts(key: string): readonly string[] {
    const value = this.#of(key) ?? [];
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    throw wrong(key, "a list of texts");
  }

  pairs(key: string): ReadonlyMap<string, string> {
    const value = this.#of(key) ?? {};
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      const entries = Object.entries(value);
      if (entries.every(isTextPair)) return new Map(entries);
    }
    throw wrong(key, "an object of texts");
  }

  /** The bytes of `payload`, a text, or of `payloadBase64`. */
  payload(): Uint8Array {
    const text = this.text("payload");
    const base64 = this.text("payloadBase64");
    if (base64 === undefined) return Buffer.from(text ?? "");
    if (text !== undefined)
      throw new Refusal(400, "only one of payload and payloadBase64 may be given");
    const bytes = Buffer.from(base64, "base64");
    if (bytes.toString("base64") !== base64)
      throw wrong("payloadBase64", "base64 with its padding");
    return bytes;
  }

  /** Null stands for nothing. */
  #of(key: string): unknown {
    return this.#fields.get(key) ?? undefined;
  }
}

/** What can be shown of a payload as a text; null if that is not possible. */
export function payloadText(payload: Uint8Array): string | null {
  return isUtf8(payload) ? Buffer.from(payload).toString() : null;
}

export function base64(payload: Uint8Array): string {
  return Buffer.from(payload).toString("base64");
}

/** Throws {@link Refusal}. */
export async function readText(c: HttpContext): Promise<string> {
  const type = c.env.incoming.headers["content-type"] ?? "";
  if (!/^application\/json *(?:;|$)/i.test(type)) {
    throw new Refusal(415, "the body has to be JSON", "Send Content-Type: application/json.");
  }
  const bytes = new Uint8Array(await c.req.arrayBuffer());
  if (!isUtf8(bytes)) throw new Refusal(400, "the body is no UTF-8");
  return Buffer.from(bytes).toString();
}

async function readObject(c: HttpContext): Promise<object> {
  const text = await readText(c);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (thrown) {
    // Its message quotes what was sent.
    if (!(thrown instanceof SyntaxError)) throw thrown;
    throw new Refusal(400, "the body is no JSON");
  }
  throw new Refusal(400, "the body has to be an object of JSON");
}

function isTextPair(pair: [string, unknown]): pair is [string, string] {
  return typeof pair[1] === "string";
}

function wrong(key: string, what: string): Refusal {
  return new Refusal(400, `${key} has to be ${what}`);
}
