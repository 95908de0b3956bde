import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { paths } from "../http/documented.js";
import { runCli } from "../support/agents.js";
import { until } from "../support/wait.js";
import { agentTest, freshIp } from "./agent-process.js";
import { eventsOf, httpUrl } from "./http-client.js";

const key = (fill: number): string => Buffer.alloc(32, fill).toString("base64");

const secrets = {
  encryptKey: key(0x5a),
  installedKey: key(0x6b),
  rpcAuth: "rpc-token-7d1f",
  httpToken: "http-token-93ac",
  inherited: "inherited-c0ffee",
};

// Many commands, one after the other.
const timeout = 60_000;

agentTest(
  "no key, token or secret of the environment is in whatever the agent tells",
  { timeout },
  async ({ directory, start }) => {
    const journal = join(directory, "journal");
    const config = join(directory, "agent.json");
    const known = join(directory, "known");
    // A script that knows the keys and is careless with them.
    writeFileSync(known, `${secrets.encryptKey}\n${secrets.rpcAuth} ${secrets.httpToken}\n`);
    const ip = freshIp();
    writeFileSync(
      config,
      JSON.stringify({
        encrypt_key: secrets.encryptKey,
        rpc_auth: secrets.rpcAuth,
        http_token: secrets.httpToken,
        http_addr: [`${ip}:7380`],
        handler_journal: journal,
        event_handlers: [`user=cat ${known}`, "query=env | grep -c GOSSIPD", "state=exit 1"],
      }),
    );
    const agent = await start([`-config-file=${config}`, "-log-level=trace"], {
      ip,
      env: { CLOUD_PASSWORD: secrets.inherited },
    });
    const other = await start(["-profile=local"], {
      name: "b",
      env: { GOSSIPD_ENCRYPT_KEY: secrets.encryptKey },
    });
    await other.cli(["join", agent.gossip]);
    const url = httpUrl(agent);
    const events = await eventsOf(agent);
    const told: string[] = [];
    const ask = async (path: string, init: RequestInit = {}): Promise<void> => {
      const answer = await fetch(url + path, init);
      told.push(await answer.text(), JSON.stringify([...answer.headers]));
    };
    const post = (path: string, body: string, token = secrets.httpToken): Promise<void> =>
      ask(path, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body,
      });
    const env = { SERF_RPC_ADDR: agent.rpc, SERF_RPC_AUTH: secrets.rpcAuth };
    const cli = async (...args: string[]): Promise<void> => {
      const { stderr, stdout } = await runCli("gossipd", args, { env });
      told.push(args[0] ?? "", stdout, stderr);
    };
    await post("/v1/event", '{"name":"go","payload":"x"}');
    await post("/v1/query", '{"name":"count","timeoutMillis":300}');
    await post("/v1/handlers/rerun", '{"waitMillis":500}');
    // What is wrong with a request is said without what was sent.
    await post("/v1/event", `{"name":"go","${secrets.httpToken}`);
    await post("/v1/event", `{"${secrets.httpToken}":1}`);
    await post("/v1/event", "{}", `${secrets.httpToken}x`);
    await ask(`/v1/members?${secrets.httpToken}=1`);
    await until("the run is in the journal", () =>
      readFileSync(journal, "utf8").includes('"user:go"'),
    );
    // The list of keys is for those who may see it.
    await runCli("gossipd", ["keys", "-install", secrets.installedKey], { env });
    for (const path of Object.keys(paths)) if (path !== "/v1/events") await ask(path);
    await cli("info");
    await cli("handlers");
    await cli("handlers", "log");
    await cli("doctor");
    await events.until("handler", {});
    told.push(JSON.stringify(events.all), readFileSync(journal, "utf8"));
    events.close();
    agent.signal("SIGTERM");
    await agent.exited;
    told.push(agent.output, agent.errors);
    const everything = told.join("\n");
    expect(everything).toMatch(/\[DEBUG\] agent: Event 'user' script output: \*\*\*/);
    const leaked = Object.entries(secrets).filter(([, secret]) => everything.includes(secret));
    const where = leaked.map(([name, secret]) => [
      name,
      everything.slice(Math.max(0, everything.indexOf(secret) - 200), everything.indexOf(secret)),
    ]);
    expect(where).toEqual([]);
  },
);
