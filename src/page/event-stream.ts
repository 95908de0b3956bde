/** One server-sent event. */
export interface StreamEvent {
  /** `message` if the server gave none. */
  readonly name: string;
  readonly data: string;
  /** The last one that was given; empty: none. */
  readonly id: string;
}

/**
 * Reads the format of server-sent events (HTML standard, section 9.2.6) in whatever pieces it comes.
 *
 * The browser's own EventSource tells neither comments, by which we know that the agent still answers, nor
 * why the server refused, nor events whose names it was not told.
 */
export class EventStreamReader {
  /** At most one line that has not ended. */
  #rest = "";
  #name = "";
  #data: string[] = [];
  #id = "";

  read(text: string): readonly StreamEvent[] {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.#line(line));
  }

  #line(line: string): StreamEvent[] {
    if (line === "") return this.#end();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#name = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
    return [];
  }

  #end(): StreamEvent[] {
    const event = { name: this.#name || "message", data: this.#data.join("\n"), id: this.#id };
    const empty = this.#data.length === 0;
    this.#name = "";
    this.#data = [];
    return empty ? [] : [event];
  }
}
