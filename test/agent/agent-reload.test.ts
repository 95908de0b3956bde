import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { agentTest, linesOf, untilPrinted } from "./agent-process.js";

const test = agentTest.concurrent;

test("takes over log level, handlers and tags; tags set at run time stay", async ({
  directory,
  start,
}) => {
  const config = join(directory, "c.json");
  const out = join(directory, "out");
  writeFileSync(config, JSON.stringify({ log_level: "warn", tags: { a: "1", b: "1" } }));
  const agent = await start(["-log-level=", `-config-file=${config}`]);
  expect(agent.output).not.toContain("[INFO]");
  await agent.cli(["tags", "-set=mine=run", "-delete=b"]);
  const handler = `user:go=echo "$SERF_TAG_A" > ${out}`;
  const changed = { log_level: "debug", tags: { a: "2", b: "1" }, event_handlers: [handler] };
  writeFileSync(config, JSON.stringify(changed));
  agent.signal("SIGHUP");
  await untilPrinted(agent, "EventMemberUpdate: a");
  expect(linesOf(agent)).toEqual(
    expect.arrayContaining(["==> Caught signal: hangup", "==> Reloading configuration..."]),
  );
  expect((await agent.members())[0]?.tags).toEqual({ a: "2", mine: "run" });
  const info = (await agent.cli(["info"])).stdout;
  expect(info).toContain(`user:go = ${handler.slice("user:go=".length)}`);
});

test("a level that says less takes effect at once", async ({ directory, start }) => {
  const config = join(directory, "c.json");
  writeFileSync(config, '{"log_level":"debug"}');
  const agent = await start(["-log-level=", `-config-file=${config}`]);
  await untilPrinted(agent, "EventMemberJoin: a");
  writeFileSync(config, '{"log_level":"warn"}');
  agent.signal("SIGHUP");
  await untilPrinted(agent, "==> Reloading configuration...");
  await agent.cli(["tags", "-set=b=1"]);
  agent.signal("SIGTERM");
  await agent.exited;
  expect(agent.output).not.toContain("EventMemberUpdate");
});

test("with a bad configuration keeps the old one", async ({ directory, start }) => {
  const config = join(directory, "c.json");
  writeFileSync(config, '{"tags":{"a":"1"}}');
  const agent = await start([`-config-file=${config}`]);
  writeFileSync(config, '{"tags":{"a":"2"},"bogus":1}');
  agent.signal("SIGHUP");
  await untilPrinted(agent, "==> Failed to reload configs");
  expect(agent.output).toContain(`==> Error decoding '${config}': '' has invalid keys: bogus`);
  writeFileSync(config, '{"tags":{"a":"3"},"event_handlers":["bogus=x"]}');
  agent.signal("SIGHUP");
  await untilPrinted(agent, "==> Invalid event script: Event 'bogus' invoking 'x'");
  expect((await agent.members())[0]?.tags).toEqual({ a: "1" });
});

test("with a level that does not exist keeps the level and takes over the rest", async ({
  directory,
  start,
}) => {
  const config = join(directory, "c.json");
  writeFileSync(config, "{}");
  const agent = await start([`-config-file=${config}`]);
  writeFileSync(config, '{"log_level":"loud","tags":{"a":"2"},"leave_on_terminate":false}');
  agent.signal("SIGHUP");
  await untilPrinted(agent, "EventMemberUpdate: a");
  agent.signal("SIGTERM");
  expect(await agent.exited).toBe(1);
});

test("leaves the tags file as it is, and the next start reads it", async ({ directory, start }) => {
  const file = join(directory, "tags.json");
  const agent = await start([`-tags-file=${file}`]);
  await agent.cli(["tags", "-set=b=1", "-set=a=1"]);
  agent.signal("SIGHUP");
  await untilPrinted(agent, "==> Reloading configuration...");
  expect((await agent.members())[0]?.tags).toEqual({ a: "1", b: "1" });
  expect(readFileSync(file, "utf8")).toBe('{\n  "a": "1",\n  "b": "1"\n}');
  agent.signal("SIGINT");
  await agent.exited;
  const again = await start([`-tags-file=${file}`]);
  expect((await again.members())[0]?.tags).toEqual({ a: "1", b: "1" });
});

test("the log tells what changed, what needs a restart, and that nothing did", async ({
  directory,
  start,
}) => {
  const config = join(directory, "c.json");
  writeFileSync(config, JSON.stringify({ log_level: "info", tags: { a: "1" } }));
  const agent = await start(["-log-level=", `-config-file=${config}`]);
  agent.signal("SIGHUP");
  await untilPrinted(agent, "[INFO] agent: reload changed nothing");
  const changed = {
    log_level: "warn",
    tags: { a: "1", b: "2" },
    event_handlers: ["user:go=true"],
    rpc_auth: "s3cret",
  };
  writeFileSync(config, JSON.stringify(changed));
  agent.signal("SIGHUP");
  await untilPrinted(agent, "that need a restart settings=rpc_auth");
  // The new level hides such lines from then on, but not that it was set.
  expect(agent.output).toContain(
    "[INFO] agent: setting changed setting=log_level from=info to=warn",
  );
  expect(agent.output).toContain('[INFO] agent: event handler added handler="user:go=true"');
  expect(agent.output).not.toContain("s3cret");
  writeFileSync(config, JSON.stringify({ ...changed, log_level: "info", tags: { b: "2" } }));
  agent.signal("SIGHUP");
  await untilPrinted(agent, "[INFO] agent: configured tag changed tag=a from=1");
});

test("reads the environment again with the files", async ({ directory, start }) => {
  const config = join(directory, "c.json");
  writeFileSync(config, '{"tags":{"f":"1"}}');
  const agent = await start([], { env: { GOSSIPD_CONFIG: config, GOSSIPD_TAGS: "e=1" } });
  expect((await agent.members())[0]?.tags).toEqual({ e: "1", f: "1" });
  writeFileSync(config, '{"tags":{"f":"2","e":"0"}}');
  agent.signal("SIGHUP");
  await untilPrinted(agent, "configured tag changed tag=f from=1 to=2");
  expect((await agent.members())[0]?.tags).toEqual({ e: "1", f: "2" });
});
