import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { missingPrograms } from "../support/programs.js";
import { until } from "../support/wait.js";
import { print, running, webServer, withoutLoss } from "./haproxy-stage.js";
import { KeptByBalancer } from "./kept-by-balancer.js";
import type { HaproxyPlace } from "./support/haproxy.js";

const real = test.skipIf(missingPrograms("haproxy").length > 0);

/** As an editor saves. */
function edit({ config }: HaproxyPlace, line: string): string {
  const text = readFileSync(config, "utf8").replace(
    "frontend users\n",
    `frontend users\n    ${line}\n`,
  );
  writeFileSync(`${config}.edited`, text);
  renameSync(`${config}.edited`, config);
  return text;
}

real(
  "an edit by hand that only the reload refuses is taken back, the reason is told, and no request is lost",
  async () => {
    const web = await webServer("web1", 11);
    const haproxy = await running();
    const { place } = haproxy;
    const kept = await KeptByBalancer.open({
      kind: "haproxy",
      config: place.config,
      master_socket: place.masterSocket,
      allow_bind_changes: true,
    });
    kept.tell([web]);
    await kept.inStep();
    await withoutLoss(haproxy, async () => {
      const edited = edit(place, "bind unix@/no/such/folder/x");
      const says = /process \d+ goes on with the/;
      await until("it has failed", () => says.test(kept.status.last?.lastError ?? ""), {
        last: () => kept.status,
      });
      await until("it is taken back", () => readFileSync(place.config, "utf8") !== edited);
      await kept.inStep();
    });
    print(kept.status.last?.lastError ?? "");
    expect(kept.status).toMatchObject({ ok: true, reason: null });
    expect((await haproxy.master()).failed).toBe(0);
    expect(readFileSync(place.config, "utf8")).toContain(web.address);
  },
);

real(
  "an edit by hand with a fault is told and not loaded, and loaded when it is mended",
  async () => {
    const web = await webServer("web1", 12);
    const haproxy = await running();
    const { place } = haproxy;
    const kept = await KeptByBalancer.open({
      kind: "haproxy",
      config: place.config,
      master_socket: place.masterSocket,
    });
    kept.tell([web]);
    await kept.inStep();
    const { worker } = await haproxy.master();
    await withoutLoss(haproxy, async () => {
      edit(place, "garbage here");
      print(await kept.fails("unknown keyword 'garbage'"));
      expect(await haproxy.master()).toMatchObject({ worker, failed: 0 });
      const mended = readFileSync(place.config, "utf8").replace("garbage here", "maxconn 500");
      writeFileSync(`${place.config}.edited`, mended);
      renameSync(`${place.config}.edited`, place.config);
      await until("it is loaded", () => kept.status.ok && kept.status.last?.way === "reload", {
        last: () => kept.status,
      });
    });
    expect((await haproxy.master()).worker).not.toBe(worker);
  },
);
