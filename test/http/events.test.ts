import { once } from "node:events";
import type { Socket } from "node:net";
import { expect, test } from "vitest";
import { EventLog } from "../../src/http/event-log.js";
import { until } from "../support/wait.js";
import { RawClient, requestFor } from "./raw-client.js";
import { at, type Served, serve } from "./scripted-host.js";

/** A reader of events that sees every byte. */
class Reader {
  readonly #client: RawClient;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  static async open({ address }: Served, query = "", headers = ""): Promise<Reader> {
    const client = await RawClient.open(address);
    client.send(requestFor(`/v1/events${query}`, headers));
    await until("it is answered", () => client.text.includes("retry: "), { every: 5 });
    return new Reader(client);
  }

  get socket(): Socket {
    return this.#client.socket;
  }

  get text(): string {
    return this.#client.text;
  }

  get names(): string[] {
    return [...this.text.matchAll(/^event: (\w+)$/gm)].map(([, name = ""]) => name);
  }

  /** Of the user events. */
  get told(): string[] {
    return [...this.text.matchAll(/"name":"([^"]*)"/g)].map(([, name = ""]) => name);
  }

  get lastId(): string {
    return [...this.text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? "";
  }

  async untilTold(...names: string[]): Promise<void> {
    await until(`it is told ${names}`, () => this.told.length >= names.length, {
      every: 5,
      last: () => this.text,
    });
    expect(this.told).toEqual(names);
  }
}

function tell({ host }: Served, name: string, size = 0): void {
  const payload = Buffer.alloc(size, "x");
  host.api.emit({ kind: "user", ltime: 1, name, payload, coalesce: false });
}

test("a reader is told what happens from then on", async () => {
  const served = await serve();
  tell(served, "before");
  const reader = await Reader.open(served);
  tell(served, "one");
  tell(served, "two");
  await reader.untilTold("one", "two");
  expect(served.server.figures.streams).toBe(1);
});

test("a reader that comes back gets what it missed, once", async () => {
  const served = await serve();
  const reader = await Reader.open(served);
  tell(served, "one");
  await reader.untilTold("one");
  reader.socket.destroy();
  tell(served, "two");
  tell(served, "three");
  const again = await Reader.open(served, "", `Last-Event-ID: ${reader.lastId}\r\n`);
  await again.untilTold("two", "three");
  expect(again.names).not.toContain("reset");
  const byParameter = await Reader.open(served, `?since=${reader.lastId}`);
  await byParameter.untilTold("two", "three");
});

test("a reader that was told nothing yet comes back to what it missed as well", async () => {
  const served = await serve();
  const reader = await Reader.open(served);
  reader.socket.destroy();
  tell(served, "one");
  const again = await Reader.open(served, "", `Last-Event-ID: ${reader.lastId}\r\n`);
  await again.untilTold("one");
});

test("a reader can begin at a time", async () => {
  const served = await serve();
  tell(served, "one");
  await (await Reader.open(served, `?since=${at}`)).untilTold("one");
  const later = await Reader.open(served, "?since=2030-01-01");
  tell(served, "two");
  await later.untilTold("two");
});

test.for([
  { of: "another run", id: "0123456789ab-1", why: "restarted" },
  { of: "another server", id: "17", why: "restarted" },
])("a reader that comes back from $of is told to ask anew", async ({ id, why }) => {
  const served = await serve();
  tell(served, "before");
  const reader = await Reader.open(served, "", `Last-Event-ID: ${id}\r\n`);
  tell(served, "one");
  await reader.untilTold("one");
  expect(reader.text).toContain(`event: reset\ndata: {"why":"${why}"}`);
});

test("a reader that comes back too late is told to ask anew", async () => {
  const served = await serve({ eventBytes: 2_000 });
  const reader = await Reader.open(served);
  for (let count = 0; count < 20; count += 1) tell(served, "missed", 100);
  const late = await Reader.open(served, "", `Last-Event-ID: ${reader.lastId}\r\n`);
  tell(served, "one");
  await late.untilTold("one");
  expect(late.text).toContain('{"why":"forgotten"}');
});

test("a stream that has nothing to say shows that it is there", async () => {
  const served = await serve({ heartbeat: 10 });
  const reader = await Reader.open(served);
  await until("a comment comes", () => reader.text.includes("\n:\n\n"), { every: 5 });
});

test("a reader that does not read is cut off, and the others are not", async () => {
  const served = await serve({ eventBytes: 100_000_000, heartbeat: 10, stallTimeout: 300 });
  const [slow, quick] = [await Reader.open(served), await Reader.open(served)];
  slow.socket.pause();
  const closed = once(slow.socket, "close");
  let sent = 0;
  await until(
    "it is cut off",
    () => {
      sent += 1;
      tell(served, `${sent}`, 50_000);
      return served.server.figures.streamsCut > 0;
    },
    { every: 1 },
  );
  await until("the quick one has all", () => quick.told.at(-1) === `${sent}`, { every: 20 });
  expect(quick.told).toHaveLength(sent);
  expect(served.server.figures).toMatchObject({ streams: 1, streamsCut: 1 });
  slow.socket.resume();
  await closed;
});

test("a reader is told to ask anew if more happens at once than is kept", async () => {
  const served = await serve({ eventBytes: 2_000 });
  const reader = await Reader.open(served);
  for (let count = 0; count < 20; count += 1) tell(served, "missed", 100);
  await until("it is told so", () => reader.text.includes('{"why":"forgotten"}'), { every: 5 });
  tell(served, "one");
  await reader.untilTold("one");
});

test("a reader that is slow is told to ask anew when its place is forgotten", async () => {
  const served = await serve({ eventBytes: 100_000 });
  const slow = await Reader.open(served);
  slow.socket.pause();
  for (let count = 0; count < 400; count += 1) {
    tell(served, "much", 50_000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  slow.socket.resume();
  await until("it is told so", () => slow.text.includes('{"why":"forgotten"}'), { every: 5 });
  expect(served.server.figures.streamsCut).toBe(0);
});

test("there are only so many streams, and a free place is given to the next", async () => {
  const served = await serve({ streams: 2 });
  const [first] = [await Reader.open(served), await Reader.open(served)];
  const refused = await fetch(`${served.url}/v1/events`);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
  first?.socket.destroy();
  await until("a place is free", () => served.server.figures.streams === 1, { every: 5 });
  tell(served, "before");
  await Reader.open(served);
  expect(served.server.figures.streams).toBe(2);
});

test("all readers get all that happens, however many there are", async () => {
  const served = await serve();
  const readers = await Promise.all(Array.from({ length: 120 }, () => Reader.open(served)));
  const names = Array.from({ length: 30 }, (_, index) => `${index}`);
  for (const name of names) tell(served, name);
  await Promise.all(readers.map((reader) => reader.untilTold(...names)));
});

test("streams end with the server, with what was told last, and it follows nothing any more", async () => {
  const served = await serve();
  const reader = await Reader.open(served);
  const closed = once(reader.socket, "close");
  tell(served, "the last");
  await served.server.close();
  await closed;
  expect(reader.told).toEqual(["the last"]);
  expect([served.host.followers, served.host.api.subscriptions]).toEqual([0, 0]);
});

test("a request for the headers of the stream opens none", async () => {
  const served = await serve();
  const answer = await fetch(`${served.url}/v1/events`, { method: "HEAD" });
  expect(answer.headers.get("content-type")).toMatch("text/event-stream");
  expect(served.server.figures.streams).toBe(0);
});

test("what is kept of the past has a bound, and the last event is always kept", () => {
  const log = new EventLog(1_000);
  const told = (name: string) => log.append("query", at, { at, name, ltime: 1 });
  for (let count = 0; count < 1_000; count += 1) told("x");
  const kept = log.from(log.next, 0);
  expect(kept).toEqual({ text: "", next: 1_001 });
  expect(log.from(1, 10_000)).toBeUndefined();
  expect(log.since(at).seq).toBeGreaterThan(980);
  told("y".repeat(5_000));
  expect(log.from(1_001, 1)?.text).toContain("yyy");
  expect(log.from(1_000, 1)).toBeUndefined();
});

test("who asks for more of the past than is kept is told that some is missing", () => {
  const log = new EventLog(1_000);
  const told = (time: string) => log.append("query", time, { at: time, name: "x", ltime: 1 });
  told("2026-01-01T00:00:01.000Z");
  expect(log.since("2026-01-01").reset).toBeUndefined();
  for (let count = 0; count < 100; count += 1) told("2026-01-01T00:00:02.000Z");
  told("2026-01-01T00:00:03.000Z");
  expect(log.since("2026-01-01").reset).toEqual({ why: "forgotten" });
  expect(log.since("2026-01-01T00:00:03").reset).toBeUndefined();
  expect(log.since("2026-01-02").reset).toBeUndefined();
});

test("an event with more than ASCII, or with newlines, is one event", () => {
  const log = new EventLog(10_000);
  log.append("query", at, { at, name: "a\n\nevent: evil\r\nü", ltime: 1 });
  expect(log.from(1, 1)?.text.match(/^event:/gm)).toHaveLength(1);
});
