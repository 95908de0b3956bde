import type { TopicName, Topics } from "../observe/topics.js";
import type { Endpoint } from "./endpoint.js";
import { type HttpContext, json, textual } from "./exchange.js";
import type { HttpHost } from "./host.js";
import { Parameters } from "./parameters.js";
import { Refusal } from "./refusal.js";
import { timed } from "./timed-entry.js";

/** What clients can read: nothing of it changes anything. */
export function readingEndpoints(host: HttpHost): readonly Endpoint[] {
  const ask = askOf(host);
  const get = (path: string, answer: Endpoint["answer"]): Endpoint => ({
    method: "GET",
    path,
    answer,
  });
  return [
    get("/v1/members", async (c) => {
      const given = new Parameters(c, ["name", "status", "tag"], "tag");
      const filter = known({ name: given.text("name"), status: given.text("status") });
      const { members } = await ask("members", { ...filter, tags: given.pairs("tag") });
      return json(c, members);
    }),
    get("/v1/self", async (c) => {
      none(c);
      return json(c, await ask("self", {}));
    }),
    get("/v1/chronicle", async (c) => {
      const given = new Parameters(c, ["node", "within", "after"]);
      const filter = known({ node: given.text("node"), within: given.integer("within") });
      const after = given.integer("after") ?? 0;
      const { entries } = await ask("chronicle", filter);
      return json(c, { entries: entries.filter(({ seq }) => seq > after).map(timed) });
    }),
    get("/v1/handlers", async (c) => {
      none(c);
      return json(c, await ask("handlers", {}));
    }),
    get("/v1/handlers/log", async (c) => {
      const given = new Parameters(c, ["script", "node", "within", "limit"]);
      const texts = { script: given.text("script"), node: given.text("node") };
      const numbers = { within: given.integer("within"), limit: given.integer("limit") };
      return json(c, await ask("handlers-log", known({ ...texts, ...numbers })));
    }),
    get("/v1/lb", (c) => {
      none(c);
      return json(c, host.lbStatus() ?? refuseWithoutBalancer());
    }),
    get("/healthz", (c) => json(c, { ok: true })),
    get("/readyz", (c) => {
      const { joined, leaving, settled } = host.readiness();
      const ready = joined && settled && !leaving;
      return json(c, { ready, joined, settled, leaving }, ready ? 200 : 503);
    }),
    get("/metrics", async (c) => {
      const { contentType, text } = await host.metrics();
      return textual(c, text, contentType);
    }),
    get("/v1/openapi.json", async (c) => {
      const { openapi } = await import("./openapi.js");
      return json(c, openapi);
    }),
  ];
}

/** Throws {@link Refusal}. */
export function refuseWithoutBalancer(): never {
  throw new Refusal(
    404,
    "this agent keeps no load balancer",
    "Configure one with -lb or load_balancer.",
  );
}

type Ask = <Name extends TopicName>(
  topic: Name,
  ask: Topics[Name]["ask"],
) => Promise<Topics[Name]["answer"]>;

/** Each topic's answer has its own type; what comes by name has none. */
export function askOf({ api }: Pick<HttpHost, "api">): Ask {
  return (topic, ask) => api.ask(topic, ask) as Promise<Topics[typeof topic]["answer"]>;
}

/** For what takes no parameters. */
function none(c: HttpContext): void {
  new Parameters(c, []);
}

type Known<T> = { readonly [Key in keyof T]?: Exclude<T[Key], undefined> };

/** Without what is not given. */
function known<T extends object>(values: T): Known<T> {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Known<T>;
}
