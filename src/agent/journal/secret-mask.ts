/** What stands in the place of a secret. */
const mask = "***";

/** Of a secret that the beginning of a cut text shows, fewer characters of its end are let pass. */
const harmlessLength = 4;

/**
 * Takes the agent's own keys and tokens out of what goes on record. A script does not inherit them, but it
 * may read the agent's files, and what it writes is kept.
 */
export class SecretMask {
  readonly #secrets: () => readonly string[];

  /** `secrets`: as they are when asked; empty ones count for nothing. */
  constructor(secrets: () => readonly string[]) {
    this.#secrets = secrets;
  }

  /** `isCut`: something before `text` was left out, and a secret may have begun there. */
  apply(text: string, isCut = false): string {
    // The longest first: one may be a part of another.
    const secrets = this.#secrets()
      .filter((secret) => secret !== "")
      .sort((one, other) => other.length - one.length);
    let masked = text;
    for (const secret of secrets) masked = masked.replaceAll(secret, mask);
    if (!isCut) return masked;
    const rest = Math.max(0, ...secrets.map((secret) => tailAtStart(secret, masked)));
    return rest < harmlessLength ? masked : mask + masked.slice(rest);
  }
}

/** How long an end of `secret` is with which `text` begins. */
function tailAtStart(secret: string, text: string): number {
  for (let length = secret.length - 1; length > 0; length -= 1) {
    if (text.startsWith(secret.slice(-length))) return length;
  }
  return 0;
}
