/** The file is not as it should be: one line that says all that is wrong. */
export class ConfigError extends Error {}

/** One object of the configuration file. All that is wrong is collected, each with its place. */
export class ConfigReader {
  readonly #value: Readonly<Record<string, unknown>>;
  readonly #place: string;
  readonly #problems: string[];
  readonly #known = new Set<string>();

  constructor(value: unknown, place: string, problems: string[]) {
    this.#place = place;
    this.#problems = problems;
    this.#value = isObject(value) ? value : {};
    if (!isObject(value)) this.#report("", "must be an object");
  }

  /** The keys of an object that names things by its keys. */
  names(): string[] {
    return Object.keys(this.#value);
  }

  has(key: string): boolean {
    return this.#value[key] !== undefined;
  }

  /** The object under `key`; without one, an empty one that is not complained about. */
  object(key: string): ConfigReader {
    const value = this.#take(key);
    return new ConfigReader(value ?? {}, this.#placeOf(key), this.#problems);
  }

  text(key: string, fallback?: string): string {
    const value = this.#take(key) ?? fallback;
    if (typeof value === "string" && value !== "") return value;
    this.#report(key, "must be a text");
    return "";
  }

  texts(key: string): string[] {
    const value = this.#take(key) ?? [];
    if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
    this.#report(key, "must be a list of texts");
    return [];
  }

  /** An object whose values are texts. */
  record(key: string): Record<string, string> {
    const value = this.#take(key) ?? {};
    if (isObject(value) && Object.values(value).every((each) => typeof each === "string")) {
      return value as Record<string, string>;
    }
    this.#report(key, "must be an object of texts");
    return {};
  }

  number(key: string, { fallback, min, max }: NumberRange): number {
    const value = this.#take(key) ?? fallback;
    if (typeof value === "number" && value >= min && value <= max) return value;
    this.#report(key, `must be a number from ${min} to ${max}`);
    return min;
  }

  whole(key: string, range: NumberRange): number {
    const value = this.number(key, range);
    if (!Number.isInteger(value)) this.#report(key, "must be a whole number");
    return value;
  }

  /** A duration such as "500ms", "5s", "1.5m" or "1h", in ms. */
  duration(key: string, fallback: string): number {
    const value = this.#take(key) ?? fallback;
    const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(value) : null;
    const millis = Number(match?.[1]) * (millisOf[match?.[2] ?? ""] ?? Number.NaN);
    if (millis <= 24 * 3_600_000) return millis;
    this.#report(key, 'must be a duration such as "500ms", "5s" or "1m", at most "24h"');
    return 0;
  }

  /** Complains about what is at `key`. */
  problem(key: string, what: string): void {
    this.#report(key, what);
  }

  /** Complains about what nobody asked for: it would be believed to have an effect. */
  end(): void {
    for (const key of this.names()) {
      if (!this.#known.has(key)) {
        this.#report(key, `is not known; there are ${[...this.#known].join(", ")}`);
      }
    }
  }

  #take(key: string): unknown {
    this.#known.add(key);
    return this.#value[key];
  }

  #placeOf(key: string): string {
    return [this.#place, key].filter((part) => part !== "").join(".");
  }

  #report(key: string, what: string): void {
    const place = this.#placeOf(key);
    this.#problems.push(`${place === "" ? "the whole" : place} ${what}`);
  }
}

interface NumberRange {
  readonly fallback?: number;
  readonly min: number;
  readonly max: number;
}

const millisOf: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
