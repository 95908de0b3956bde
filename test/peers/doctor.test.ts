import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { handlersDir } from "../handlers/sandbox.js";
import { Agent, allShow, loopbackNet } from "../support/agents.js";
import { gossipdBin, missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { Child } from "../traffic/support/child.js";
import { defaultsSection, globalSection, Haproxy } from "../traffic/support/haproxy.js";
import { freePort } from "../traffic/support/places.js";
import { diagnose, diagnosis, faultsOf, path, wordsOf } from "./doctor-cases.js";

const missing = missingPrograms("haproxy", "serf", "socat");

/** A TCP service that begins as the careless set one up: a program, its file and a folder. */
const program = `#!${process.execPath}
const { readFileSync, statSync } = require("node:fs");
const [config, data, host, port] = process.argv.slice(2);
readFileSync(config.slice("--config=".length));
if (!statSync(data.slice("--data-dir=".length)).isDirectory()) throw new Error("no folder");
require("node:net").createServer((socket) => socket.end("hello\\n")).listen(Number(port.slice("--port=".length)), host.slice("--host=".length), () => console.log("listens"));
`;

describe.skipIf(missing.length > 0)(
  "TCP services behind an HAProxy that an event handler keeps",
  () => {
    const ip = loopbackNet();
    const folder = mkdtempSync(join(tmpdir(), "gossipd-doctor-"));
    const agents: Agent[] = [];
    let services: Child[] = [];
    let haproxy: Haproxy;
    let lb: Agent;
    const webs = [
      { name: "cache1", host: 11, port: 0 },
      { name: "cache2", host: 12, port: 0 },
    ];

    beforeAll(async () => {
      for (const web of webs) web.port = await freePort(ip(web.host));
      haproxy = await Haproxy.start({
        ip: ip(1),
        text: (place) => `${globalSection(place)}
${defaultsSection.replace("mode http", "mode tcp").replace(/ *(timeout http-|retry-on|option idle).*\n/g, "")}
frontend users
    bind ${place.ip}:${place.port}
    default_backend cache
backend cache
    # gossipd begin
    # gossipd end
`,
      });
      const command = join(folder, "gossipd");
      writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${gossipdBin}' "$@"\n`, {
        mode: 0o755,
      });
      lb = await start("lb", 1, [`-event-handler=*=${handlersDir}haproxy.sh`], {
        GOSSIPD: command,
        BACKEND_ROLE: "cache",
        HAPROXY_CFG: haproxy.place.config,
        HAPROXY_MASTER_SOCKET: haproxy.place.masterSocket,
        HAPROXY_SERVER_OPTIONS: "check inter 200ms",
        PATH: path,
      });
      for (const { host, name, port } of webs) {
        await start(name, host, ["-tag=role=cache", `-tag=port=${port}`, `-join=${lb.gossip}`]);
      }
      await allShow([lb], { cache1: "alive", cache2: "alive" });
      await until("both are in HAProxy", async () => (await haproxy.servers()).length === 2);
    });

    afterEach(async () => {
      for (const service of services) await service.kill();
      services = [];
    });

    afterAll(async () => {
      for (const agent of agents) await agent.end();
      await haproxy?.end();
      rmSync(folder, { recursive: true, force: true });
    });

    async function start(
      name: string,
      host: number,
      args: readonly string[],
      env = {},
    ): Promise<Agent> {
      const agent = await Agent.start({ kind: "gossipd", name, ip: ip(host), args, env });
      agents.push(agent);
      return agent;
    }

    /** All that a service needs, in a folder of its own. */
    function install(name: string): string {
      const place = join(folder, name);
      rmSync(place, { recursive: true, force: true });
      for (const part of ["bin", "config", "data"])
        mkdirSync(join(place, part), { recursive: true });
      writeFileSync(join(place, "bin/server.cjs"), program, { mode: 0o755 });
      writeFileSync(join(place, "config/cache.yaml"), "");
      return place;
    }

    function commandOf(place: string, host: string, port: number): readonly [string, ...string[]] {
      return [
        join(place, "bin/server.cjs"),
        `--config=${place}/config/cache.yaml`,
        `--data-dir=${place}/data`,
        `--host=${host}`,
        `--port=${port}`,
      ];
    }

    /** Installs the services, does to each what is wrong with it, and tries to start it. */
    async function begin(spoil: (place: string) => void, shift = 0): Promise<readonly string[]> {
      const flags: string[] = [];
      for (const { host, name, port } of webs) {
        const place = install(name);
        spoil(place);
        const command = commandOf(place, ip(host), port + shift);
        const service = new Child(name, command);
        services.push(service);
        await Promise.race([
          service.ended,
          until(`${name} listens`, () => service.said.includes("listens")),
        ]);
        flags.push(`-service=${commandOf(place, ip(host), port).join(" ")}`);
      }
      return flags;
    }

    const asked = (): readonly string[] => [`-rpc-addr=${lb.rpc}`];

    test("are well when they are", async () => {
      const flags = await begin(() => {});
      await until("HAProxy takes them for up", async () =>
        (await haproxy.servers()).every(({ up }) => up),
      );
      const said = await diagnose([...asked(), ...flags]);
      expect(faultsOf(said)).toEqual([]);
      expect({ code: said.code, verdict: said.verdict }).toEqual({ code: 0, verdict: "well" });
    });

    test.for([
      {
        name: "whose program is missing",
        spoil: (place: string) => renameSync(`${place}/bin/server.cjs`, `${place}/bin/other`),
        first: /^service: program .*bin\/server\.cjs: there is no such file$/,
        remedy: "bin/server.cjs",
      },
      {
        name: "whose program is not executable",
        spoil: (place: string) => chmodSync(`${place}/bin/server.cjs`, 0o644),
        first: /^service: program .*: is not executable$|^service: service .*: is not executable$/,
        remedy: "chmod +x",
      },
      {
        name: "whose configuration is missing",
        spoil: (place: string) =>
          renameSync(`${place}/config/cache.yaml`, `${place}/config/node1.yaml`),
        first: /^service: --config .*cache\.yaml: there is no such file$/,
        remedy: "config/node1.yaml",
      },
      {
        name: "whose folder is missing",
        spoil: (place: string) => rmSync(`${place}/data`, { recursive: true }),
        first: /^service: --data-dir .*data: there is no such folder$/,
        remedy: "mkdir -p",
      },
    ])("$name are named before the 503 that comes of it", async ({ first, remedy, spoil }) => {
      const flags = await begin(spoil);
      const said = await diagnose([...asked(), ...flags]);
      expect(said.code).toBe(1);
      expect(faultsOf(said)[0]).toMatch(first);
      expect(said.findings[0]?.remedy.join("\n")).toContain(remedy);
      expect(faultsOf(said).at(-1)).toMatch(/^pool: backend cache of .*: HAProxy answers 503/);
    });

    test("on another port than their tags say are found by what is open beside it", async () => {
      await begin(() => {}, 1);
      const said = await diagnose(asked());
      const [first, second] = said.findings;
      const { host, port } = webs[0] ?? { host: 0, port: 0 };
      expect(first?.about).toBe(`server cache/cache1 at ${ip(host)}:${port}`);
      expect(first?.cause).toContain(`the port may be wrong: ${port + 1} (`);
      expect(first?.remedy[0]).toBe(
        `if that is the service, on cache1: gossipd tags -set port=${port + 1}`,
      );
      expect(second?.about).toContain("cache/cache2");
    });

    test("that are all down are told in the first lines, with what to do", async () => {
      const text = await diagnosis(asked());
      expect(text).toMatch(
        /^backend cache of \S+: HAProxy answers 503, since none of its 2 servers accepts connections\n/,
      );
      expect(text).toMatch(/1\. server cache\/cache1 at \S+: connection refused: nothing listens/);
      expect(text).toContain("remedy: start the service on cache1");
      expect(text).toContain("gossipd doctor -service");
    });

    test("that listen on the loopback of their machine alone are told so", async () => {
      const { port } = webs[0] ?? { port: 0 };
      const service = new Child("narrow", commandOf(install("narrow"), "127.0.0.1", port));
      services.push(service);
      await until("it listens", () => service.said.includes("listens"));
      expect(wordsOf(await diagnose(asked()))).toContain(
        `listens on port ${port} of 127.0.0.1 alone`,
      );
    });

    test("are compared with what HAProxy has loaded", async () => {
      const { config } = haproxy.place;
      copyFileSync(config, `${config}.kept`);
      const text = `${globalSection(haproxy.place)}${defaultsSection}
frontend users
    bind ${haproxy.place.ip}:${haproxy.place.port}
    default_backend cache
backend cache
    server other ${ip(1)}:${haproxy.place.port}
`;
      writeFileSync(config, text);
      const said = await diagnose(asked());
      renameSync(`${config}.kept`, config);
      expect(faultsOf(said).join("\n")).toMatch(
        /reload: .*cache\/other is in the file alone; cache\/cache1 is in the process alone/,
      );
      expect(wordsOf(said)).toContain("alive with role=cache, but not in the file: cache1, cache2");
      expect(wordsOf(said)).toContain(`gossipd handlers log -rpc-addr=${lb.rpc}`);
      expect(wordsOf(said)).toContain(`echo reload | socat - ${haproxy.place.masterSocket}`);
    });

    test("cannot be helped by a file that HAProxy refuses: its own words say why", async () => {
      const { config } = haproxy.place;
      copyFileSync(config, `${config}.kept`);
      writeFileSync(config, "global\ndefaults\nfrontend x\n    bindd *:80\n");
      const refused = await diagnose(asked());
      rmSync(config);
      const gone = await diagnose(asked());
      renameSync(`${config}.kept`, config);
      expect(faultsOf(refused)[0]).toMatch(
        /^proxy-config: .*HAProxy refuses .*unknown keyword 'bindd'/,
      );
      expect(wordsOf(refused)).toContain(`change line 4 of ${config}: bindd *:80`);
      expect(faultsOf(gone)[0]).toBe(`proxy-config: ${config}: there is no such file`);
    });

    test("are not served by an agent without a handler, nor by one whose handler fails", async () => {
      const none = await start("none", 20, [`-join=${lb.gossip}`]);
      const proxy = `-proxy-config=${haproxy.place.config}`;
      expect(wordsOf(await diagnose([`-rpc-addr=${none.rpc}`, proxy]))).toContain(
        "nobody writes servers into it",
      );
      const script = join(folder, "broken.sh");
      writeFileSync(
        script,
        `#!/bin/sh\ncfg=${haproxy.place.config}\nexec /opt/nowhere/template-tool > $cfg\n`,
        { mode: 0o755 },
      );
      const broken = await start("broken", 21, [
        `-event-handler=member-join=${script}`,
        `-join=${lb.gossip}`,
      ]);
      await until("its journal has a run that failed", async () => {
        const said = await diagnose([`-rpc-addr=${broken.rpc}`, proxy]);
        return wordsOf(said).includes("a program or file that it names was not found");
      });
      await Promise.all([none, broken].map((agent) => agent.cli(["leave"])));
    });

    test("are looked at beside an agent of Serf's, as far as it tells", async () => {
      const agent = await Agent.start({
        kind: "serf",
        name: "serf",
        ip: ip(23),
        args: [`-event-handler=*=${folder}/none.sh`, `-join=${lb.gossip}`],
      });
      agents.push(agent);
      await allShow([agent], { cache1: "alive", cache2: "alive" });
      const said = await diagnose([
        `-rpc-addr=${agent.rpc}`,
        `-proxy-config=${haproxy.place.config}`,
      ]);
      expect(faultsOf(said)).toContain(
        `handler: handler *=${folder}/none.sh: there is no such file`,
      );
      expect(said.findings.map(({ found }) => found)).toContain(
        "it runs, as member serf (one of Serf's, or an older gossipd)",
      );
      expect(said.findings.map(({ found }) => found)).toContain(
        `${agent.gossip} is reached over TCP and UDP (asked of 3)`,
      );
      await agent.end();
    });

    test("are out of reach of an agent that does not run, and of one that asks for a token", async () => {
      const token = join(folder, "token.json");
      writeFileSync(token, '{"rpc_auth": "secret"}');
      const gone = await diagnose([`-rpc-addr=${ip(99)}:7373`]);
      expect(faultsOf(gone)[0]).toMatch(/^agent: .*it is not running: /);
      const guarded = await start("guarded", 22, [`-config-file=${token}`]);
      const refused = await diagnose([`-rpc-addr=${guarded.rpc}`]);
      expect(faultsOf(refused)[0]).toMatch(/^agent: .*it refuses us/);
      const well = await diagnose([`-rpc-addr=${guarded.rpc}`, "-rpc-auth=secret"]);
      expect(faultsOf(well)).toEqual([]);
      expect(JSON.stringify(well)).not.toContain("secret");
    });
  },
);
