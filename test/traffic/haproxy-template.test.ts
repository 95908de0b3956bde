import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { configFor, desiredOf, type Member, Rig } from "./haproxy-rig.js";
import { memberOf, running, webServer, withoutLoss } from "./haproxy-stage.js";
import type { Haproxy } from "./support/haproxy.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);

/** The whole file by a template, in which `lines` stand for the servers. */
function templated(haproxy: Haproxy, rig: Rig, lines: string): Rig {
  const template = join(haproxy.place.folder, "template");
  const text = rig.text.replace(/ *# gossipd begin web\n.*# gossipd end web\n/s, lines);
  expect(text).not.toBe(rig.text);
  writeFileSync(template, text, { mode: 0o644 });
  return new Rig(haproxy.place, configFor(haproxy.place, { template }));
}

async function twoServers(host: number): Promise<readonly [Member, Member]> {
  const [one, two] = [await webServer("web1", host), await webServer("web2", host + 1)];
  return [memberOf(one), memberOf(two)];
}

real(
  "a template that leaves the lines to us has its servers changed without a reload",
  async () => {
    const [first, second] = await twoServers(11);
    const haproxy = await running();
    const rig = templated(haproxy, new Rig(haproxy.place), `    {% servers "web" %}\n`);
    await rig.settle(desiredOf([first]));
    expect(rig.reloads).toBe(1);
    await withoutLoss(haproxy, async (load) => {
      await rig.settle(desiredOf([first, second]));
      await until("both serve", () => load.answered("web2") > 0);
      await rig.settle(desiredOf([second]));
    });
    expect(rig.reloads).toBe(1);
    expect(rig.text).toMatch(/# gossipd begin web\n +server s01 /);
  },
);

real(
  "a template that writes the lines itself is loaded for who comes and goes, not for who fails",
  async () => {
    const [first, second] = await twoServers(13);
    const haproxy = await running();
    const rig = templated(
      haproxy,
      new Rig(haproxy.place),
      `{% for s in pools[0].servers %}    server {{ s.name }} {{ s | host_port }} weight {{ s.weight }}
{% endfor %}    server sorry 127.0.0.1:1 backup
`,
    );
    await rig.settle(desiredOf([first]));
    const both = desiredOf([first, second]);
    await withoutLoss(haproxy, async (load) => {
      expect(await rig.settle(both)).toEqual([expect.stringMatching(/^reload: /)]);
      await until("both serve", () => load.answered("web2") > 0);
    });
    // Before the file is written: what it says now is enough to take a server out.
    const { steps, reload } = await rig.plan(desiredOf([first, { ...second, admission: "out" }]));
    expect(steps).toMatchObject([{ words: "web/web2: out (web2, failed)", urgent: true }]);
    expect(reload).toBeUndefined();
    await rig.proxy.perform(steps);
    const states = async (): Promise<readonly string[]> =>
      (await haproxy.servers()).map(({ name, state }) => `${name} ${state}`);
    expect(await states()).toEqual(["web1 ready", "web2 maint", "sorry ready"]);
    expect(await rig.settle(both)).toEqual(["web/web2: ready (web2, alive)"]);
  },
);
