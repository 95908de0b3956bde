import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Server } from "../../src/lb/model.js";
import { nginxProcesses } from "../../src/lb/nginx/processes.js";
import { tempDir } from "../agent/temp-dir.js";
import { missingPrograms } from "../support/programs.js";
import { KeptNginx, nginxWithGeneration, serverAt } from "./kept-nginx.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { freePort } from "./support/places.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

const ip = "127.0.0.76";

async function web(name: string): Promise<WebProcess> {
  const process = await WebProcess.start({ name, ip });
  onTestFinished(() => process.child.kill());
  return process;
}

function of({ name, ip: address, port }: WebProcess, more: Partial<Server> = {}): Server {
  return serverAt(name, address, port, more);
}

async function answerOf(kept: KeptNginx): Promise<string> {
  const { host, port } = kept.nginx.target;
  const answer = await fetch(`http://${host}:${port}/`, { headers: { connection: "close" } });
  return answer.ok ? (await answer.text()).trim() : `${answer.status}`;
}

async function workersOf(kept: KeptNginx): Promise<number[]> {
  const found = await nginxProcesses(kept.nginx.child.pid);
  return (found?.workers ?? []).map(({ pid }) => pid);
}

describe.skipIf(missingPrograms("nginx").length > 0)("nginx", () => {
  test("serves a pool from empty to full and back, and the file is always one that it takes", async () => {
    const kept = await KeptNginx.start({ ip });
    const [one, two] = [await web("web1"), await web("web2")];
    expect(await answerOf(kept)).toBe("502");
    const { servers } = await kept.apply([of(one), of(two, { admission: "drain" })]);
    expect(servers).toMatchObject([{ node: "web1", ip, port: one.port, state: "ready" }]);
    expect(await answerOf(kept)).toBe("web1");
    await kept.apply([of(one, { weight: 0 }), of(two)]);
    expect(await answerOf(kept)).toBe("web2");
    const empty = await kept.apply([]);
    expect(empty.servers.filter(({ state }) => state === "ready")).toEqual([]);
    expect(await answerOf(kept)).toBe("502");
    expect(kept.text).toContain("# gossipd begin web\n        server 127.0.0.1:1 down;\n");
  });

  test("is not reloaded for what is served already, whoever asks", async () => {
    const kept = await KeptNginx.start({ ip });
    const one = await web("web1");
    // What it was started with is known by the times of the file and the workers.
    await kept.apply([]);
    const { process } = await kept.apply([of(one)]);
    expect((await kept.apply([of(one)])).process).toBe(process);
    expect(await kept.reasonToReload([of(one)])).toBeUndefined();
    kept.nginx.child.signal("SIGHUP");
    await waitUntil("somebody else's reload is done", async () => {
      const observed = await kept.proxy.observe();
      return observed.process !== process && observed.lingering === 0;
    });
    expect(await kept.reasonToReload([of(one)])).toBeUndefined();
  });

  test("has what it had when another worker takes the place of one that crashed", async () => {
    const kept = await KeptNginx.start({ ip });
    const { process: before } = await kept.apply([]);
    const [first] = await workersOf(kept);
    process.kill(first ?? 0, "SIGKILL");
    await waitUntil("another one is there", async () => {
      const workers = await workersOf(kept);
      return workers.length === 2 && !workers.includes(first ?? 0);
    });
    const observed = await kept.apply([]);
    expect(observed).toMatchObject({ process: before, lingering: 0 });
  });

  test("is reloaded when nobody knows what somebody else's reload loaded", async () => {
    const kept = await KeptNginx.start({ ip });
    await kept.apply([]);
    const before = await workersOf(kept);
    kept.nginx.child.signal("SIGHUP");
    await waitUntil("somebody else's reload is done", async () => {
      const workers = await workersOf(kept);
      return workers.length === 2 && workers.every((pid) => !before.includes(pid));
    });
    // It may have been changed before the reload and changed back after it.
    writeFileSync(kept.nginx.place.config, kept.text);
    expect(await kept.reasonToReload([])).toBe(
      "somebody else reloaded nginx, and nobody knows what it loaded",
    );
    await kept.apply([]);
    expect(await kept.reasonToReload([])).toBeUndefined();
  });

  test("that cannot have an address goes on as before, and the error says which", async () => {
    const kept = await KeptNginx.start({ ip, keys: { reload_timeout: "10s" } });
    const one = await web("web1");
    await kept.apply([of(one)]);
    const taken = await freePort(ip);
    const owner = createServer().listen(taken, ip);
    await once(owner, "listening");
    onTestFinished(() => void owner.close());
    const load = Load.start({
      target: kept.nginx.target,
      clients: { fresh: 2, kept: 2 },
      rate: 100,
    });
    const text = kept.text;
    writeFileSync(
      kept.nginx.place.config,
      text.replace("http {", `http {\n    server { listen ${ip}:${taken}; }`),
    );
    await expect(kept.apply([])).rejects.toThrow(
      `goes on as before: bind() to ${ip}:${taken} failed (98: Address already in use)`,
    );
    expect((await kept.proxy.observe()).servers).toMatchObject([{ node: "web1" }]);
    await kept.store.restore();
    expect(kept.text).toBe(text);
    await kept.apply([of(one)]);
    await load.more(50);
    const report = await load.stop();
    process.stdout.write(`bind conflict: ${reportLine(report)}\n`);
    expect(report.losses).toEqual({});
  });

  test.for([
    {
      how: "its own lines",
      pool: "{% for s in pools[0].servers %}server {{ s | host_port }}; # {{ s.node }}\n{% endfor %}",
    },
    { how: "the lines that gossipd makes", pool: '{% servers "web" %}' },
  ])("is written as a whole by a template with $how", async ({ pool }) => {
    const folder = tempDir();
    const template = join(folder, "nginx.liquid");
    const kept = await KeptNginx.start({ ip, keys: { template } });
    const text = nginxWithGeneration(kept.nginx.place)
      .replace(/# gossipd begin web[\s\S]*# gossipd end web/, pool)
      .replace(
        /# gossipd begin generation[\s\S]*# gossipd end generation/,
        'return 200 "{{ generation }}";',
      );
    writeFileSync(template, text);
    const [one, two] = [await web("web1"), await web("web2")];
    const { servers } = await kept.apply([of(one)]);
    expect(servers).toMatchObject([{ pool: "web", node: "web1", ip, port: one.port }]);
    expect(await answerOf(kept)).toBe("web1");
    expect(await kept.reasonToReload([of(one)])).toBeUndefined();
    const live = kept.text;
    writeFileSync(template, text.replace("http {", "http {\n{{ pools.web }}"));
    await expect(kept.apply([of(two)])).rejects.toThrow(
      `${template}, line 7: undefined variable: pools.web`,
    );
    writeFileSync(template, text.replace("http {", "http {\nnonsense;"));
    await expect(kept.apply([of(two)])).rejects.toThrow('unknown directive "nonsense"');
    expect(kept.text).toBe(live);
    writeFileSync(template, text);
    await kept.apply([of(two)]);
    expect(await answerOf(kept)).toBe("web2");
  });

  test("that answers with another generation was not seen to serve the new one", async () => {
    const { port } = await web("web1");
    const other = createHttpServer((_, response) => response.end("0123456789ab")).listen(0, ip);
    await once(other, "listening");
    onTestFinished(() => void other.close());
    const { port: otherPort } = other.address() as AddressInfo;
    const kept = await KeptNginx.start({
      ip,
      keys: { reload_timeout: "1s", generation: `http://${ip}:${otherPort}/` },
    });
    await expect(kept.apply([serverAt("web1", ip, port)])).rejects.toThrow(
      `http://${ip}:${otherPort}/ answers "0123456789ab", which is not the generation of the file`,
    );
  });
});
