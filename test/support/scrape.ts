/** What Prometheus would read: the numbers by name with labels, as they stand in the text. */
export interface Scrape {
  readonly samples: ReadonlyMap<string, number>;
  /** The kind of each family. */
  readonly kinds: ReadonlyMap<string, string>;
}

const line =
  /^([a-zA-Z_:][\w:]*)(\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?[\d.e+-]+|[+-]Inf)$/;

/** Throws on any line that is not as Prometheus's text format has it, and on a number that comes twice. */
export function readScrape(text: string): Scrape {
  const samples = new Map<string, number>();
  const kinds = new Map<string, string>();
  for (const each of text.split("\n")) {
    if (each === "" || each.startsWith("# HELP ")) continue;
    const [, name, kind] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(each) ?? [];
    if (name !== undefined && kind !== undefined) {
      kinds.set(name, kind);
      continue;
    }
    const [, family, labels = "", value] = line.exec(each) ?? [];
    if (family === undefined) throw new Error(`no line of a scrape: ${each}`);
    if (samples.has(family + labels)) throw new Error(`twice: ${each}`);
    samples.set(family + labels, Number(value));
  }
  return { samples, kinds };
}
