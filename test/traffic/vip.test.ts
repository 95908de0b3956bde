import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TrackFile, trackValues } from "../../src/lb/track-file.js";
import { missingNamespaces } from "../support/network.js";
import { missingPrograms } from "../support/programs.js";
import { RecordedLog } from "../support/recorded-log.js";
import { Child } from "./support/child.js";
import {
  ask,
  defaultsSection,
  globalSection,
  Haproxy,
  type HaproxyPlace,
} from "./support/haproxy.js";
import { Load } from "./support/load-client.js";
import { type LoadReport, reportLine } from "./support/load-record.js";
import { packageRoot } from "./support/places.js";
import { makeVipNetwork, type VipHost, type VipNetwork } from "./support/vip-network.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

const samples = join(packageRoot, "handlers", "lb");
const cannot =
  missingPrograms("haproxy", "keepalived", "socat").length > 0 || missingNamespaces() !== undefined;

/** One of the two balancers: HAProxy and keepalived on a host of their own. */
interface BalancerHost {
  readonly host: VipHost;
  readonly haproxy: Haproxy;
  readonly keepalived: Child;
  readonly track: TrackFile;
}

/** Two balancers with one address between them, as handlers/lb/keepalived.conf says. */
describe.skipIf(cannot)("one address before two balancers", () => {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-vip-"));
  let network: VipNetwork;
  let web: WebProcess;
  let balancers: readonly [BalancerHost, BalancerHost];
  let address = "";

  beforeAll(async () => {
    network = makeVipNetwork(2);
    address = network.ip.replace(/\.254$/, ".100");
    web = await WebProcess.start({ name: "web", ip: network.ip });
    const [one, other] = network.hosts as [VipHost, VipHost];
    const first = await start(one, other);
    await waitUntil("the first holds the address", () =>
      first.keepalived.said.includes("Entering MASTER STATE"),
    );
    balancers = [first, await start(other, one)];
  });

  afterAll(async () => {
    for (const { keepalived, haproxy } of balancers ?? []) {
      await keepalived.stop();
      await haproxy.end();
    }
    await web?.child.stop();
    network?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(host: VipHost, peer: VipHost): Promise<BalancerHost> {
    const haproxy = await Haproxy.start({ ip: "0.0.0.0", within: host.within, text: proxyText });
    const file = join(folder, `${host.ip}.track`);
    const track = new TrackFile(file, new RecordedLog());
    track.set(trackValues.normal);
    const config = join(folder, `${host.ip}.conf`);
    const sample = readFileSync(join(samples, "keepalived.conf"), "utf8");
    const told: readonly (readonly [string, string])[] = [
      [
        "/etc/gossipd/check-haproxy.sh /run/haproxy/admin.sock",
        `${samples}/check-haproxy.sh ${haproxy.place.statsSocket}`,
      ],
      ["/run/gossipd/address", file],
      ["192.0.2.11", host.ip],
      ["192.0.2.12", peer.ip],
      ["192.0.2.10/24", `${address}/24`],
    ];
    writeFileSync(
      config,
      told.reduce((text, [from, to]) => replaced(text, from, to), sample),
    );
    const pids = ["-p", "-r", "-c"].flatMap((flag) => [
      flag,
      join(folder, `${host.ip}${flag}.pid`),
    ]);
    const keepalived = new Child(
      "keepalived",
      ["keepalived", "-n", "-l", "-P", "-f", config, ...pids],
      {
        within: host.within,
        env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      },
    );
    await keepalived.becomes("knows its place", () => keepalived.said.includes("BACKUP STATE"));
    return { host, haproxy, keepalived, track };
  }

  const proxyText = (place: HaproxyPlace): string => `${globalSection(place)}
${defaultsSection}
frontend users
    bind :${place.port}
    default_backend web

backend web
    server web ${web.address}
`;

  /** Who has the address now. */
  async function holder(): Promise<BalancerHost> {
    let found: BalancerHost[] = [];
    await waitUntil("one of them has the address", async () => {
      found = [];
      for (const one of balancers) {
        const [program, ...rest] = one.host.within;
        const shown = new Child("ip", [
          program as string,
          ...rest,
          "ip",
          "-o",
          "addr",
          "show",
          "dev",
          "eth0",
        ]);
        await shown.ended;
        if (shown.said.includes(`${address}/`)) found.push(one);
      }
      return found.length === 1;
    });
    return found[0] as BalancerHost;
  }

  const otherThan = (one: BalancerHost): BalancerHost =>
    balancers[0] === one ? balancers[1] : balancers[0];

  /** 100 new connections a second to the address while `change` happens, until the answers come again. */
  async function watched(what: string, change: () => void): Promise<LoadReport> {
    const load = Load.start({
      target: { host: address, port: balancers[0].haproxy.place.port },
      clients: { fresh: 10 },
      rate: 100,
      // Whoever has to send its SYN once more is lost, so that the gap shows.
      patience: 500,
    });
    await load.more(50);
    change();
    await load.more(150);
    const report = await load.stop();
    process.stdout.write(
      `${what}: ${reportLine(report)}, ${outage(report)} ms without an answer\n`,
    );
    return report;
  }

  /** From the first request that was lost to the last, ms. */
  function outage({ lost }: LoadReport): number {
    const [first, last] = [lost[0], lost.at(-1)];
    return first === undefined || last === undefined ? 0 : Math.round(last.sent - first.sent);
  }

  // An address that moves takes no connections along: what is under way in that very moment is reset.
  test("a planned handover loses no new connection, and the address stays where it went", async () => {
    for (let round = 0; round < 2; round += 1) {
      const from = await holder();
      const to = otherThan(from);
      const report = await watched("planned handover", () => to.track.set(trackValues.preferred));
      expect(report.lost.filter(({ how }) => how === "connect")).toEqual([]);
      expect(report.lost.length).toBeLessThanOrEqual(2);
      expect(await holder()).toBe(to);
      to.track.set(trackValues.normal);
      expect((await watched("back to normal", () => {})).losses).toEqual({});
      expect(await holder()).toBe(to);
    }
  });

  test("a balancer that says it is unfit loses the address within half a second, and can have it again", async () => {
    const from = await holder();
    const report = await watched("unfit", () => from.track.set(trackValues.unfit));
    expect(outage(report)).toBeLessThan(1_500);
    expect(await holder()).toBe(otherThan(from));
    from.track.set(trackValues.normal);
    const back = await watched("unfit, the other way", () =>
      otherThan(from).track.set(trackValues.unfit),
    );
    expect(outage(back)).toBeLessThan(1_500);
    expect(await holder()).toBe(from);
    otherThan(from).track.set(trackValues.normal);
  });

  test("a balancer whose cable is pulled is replaced, and both agree when it is back", async () => {
    const from = await holder();
    const report = await watched("unplugged", () => from.host.plug(false));
    expect(outage(report)).toBeLessThan(2_000);
    from.host.plug(true);
    await holder();
    const { losses } = await watched("plugged in again", () => {});
    expect(losses).toEqual({});
  });

  test("a proxy that dies hands the address over by keepalived's own script", async () => {
    const from = await holder();
    const pid = from.haproxy.child.pid;
    expect(await ask(from.haproxy.place.statsSocket, "show info")).toContain("Pid:");
    process.kill(pid, "SIGKILL");
    await waitUntil("the other has it", async () => (await holder()) === otherThan(from), {
      every: 50,
    });
    await from.haproxy.run();
  });
});

function replaced(text: string, from: string, to: string): string {
  expect(text).toContain(from);
  return text.replaceAll(from, to);
}
