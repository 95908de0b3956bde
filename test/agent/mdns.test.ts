import { describe, expect, onTestFinished, test } from "vitest";
import { Discovery, type DiscoveryParts } from "../../src/agent/mdns.js";
import {
  MdnsAnswers,
  type MdnsRecord,
  peersIn,
  serviceName,
} from "../../src/agent/mdns-records.js";
import { formatAddress, parseIp } from "../../src/base/address.js";
import type { Bytes } from "../../src/base/units.js";
import { RecordedLog } from "../support/recorded-log.js";
import { until } from "../support/wait.js";
import { ipOf } from "./loopback-member.js";

const service = "_serf_mycl._tcp.local";
const advertised = { ip: ipOf("10.77.0.1"), port: 7_950 };
const announcement = { cluster: "mycl", nodeName: "stock.a", hostName: "vm", advertised };

/** What Serf 0.9.4 says of a member `stock.a` of the cluster `mycl` on the host `vm`. */
const instance = `stock.a.${service}`;
const pointer: MdnsRecord = { name: service, type: "PTR", ttl: 120, data: instance };
const server: MdnsRecord = {
  name: instance,
  type: "SRV",
  ttl: 120,
  data: { priority: 10, weight: 1, port: 7_950, target: "vm" },
};
const address: MdnsRecord = { name: "vm", type: "A", ttl: 120, data: "10.77.0.1" };
const text: MdnsRecord = { name: instance, type: "TXT", ttl: 120, data: ["Serf 'mycl' cluster"] };
const catalogue = "_services._dns-sd._udp.local";
const listed: MdnsRecord = { name: catalogue, type: "PTR", ttl: 120, data: service };

test.for<{ name: string; type: string; records: MdnsRecord[] }>([
  { name: service, type: "PTR", records: [pointer, server, address, text] },
  { name: service, type: "ANY", records: [pointer, server, address, text] },
  { name: "_SERF_mycl._tcp.local.", type: "PTR", records: [pointer, server, address, text] },
  { name: service, type: "SRV", records: [] },
  { name: service, type: "TXT", records: [] },
  { name: "_serf_other._tcp.local", type: "PTR", records: [] },
  { name: instance, type: "SRV", records: [server, address] },
  { name: instance, type: "TXT", records: [text] },
  { name: instance, type: "A", records: [address] },
  { name: instance, type: "AAAA", records: [] },
  { name: instance, type: "ANY", records: [server, address, text] },
  { name: catalogue, type: "PTR", records: [listed] },
  { name: "vm", type: "A", records: [address] },
])("asked for $type of $name", ({ name, type, records }) => {
  expect(new MdnsAnswers(announcement).to({ name, type })).toEqual(records);
});

test.for([
  { ip: "::ffff:10.77.0.1", type: "A", data: "10.77.0.1" },
  { ip: "fd00::1", type: "AAAA", data: "fd00::1" },
])("$ip is announced as $type", ({ data, ip, type }) => {
  const here = { ...advertised, ip: parseIp(ip) as Bytes };
  const answers = new MdnsAnswers({ ...announcement, advertised: here });
  expect(answers.to({ name: "vm", type })).toEqual([{ ...address, type, data }]);
});

test.for([
  { nodeName: "a", label: "a" },
  { nodeName: ".a..b.", label: "a.b" },
  { nodeName: "...", label: "_" },
  { nodeName: `${"x".repeat(70)}.y`, label: `${"x".repeat(63)}.y` },
  { nodeName: "ü".repeat(40), label: "ü".repeat(31) },
  {
    nodeName: "x".repeat(60).concat(".").repeat(4),
    label: `${"x".repeat(60)}.${"x".repeat(60)}.xxxxx`,
  },
])("the name $nodeName fits into a DNS name", ({ nodeName, label }) => {
  const [first] = new MdnsAnswers({ ...announcement, nodeName }).to({ name: service, type: "PTR" });
  expect(first).toMatchObject({ data: `${label}.${service}` });
});

test.for([".", "a..b", "a.", "x".repeat(58), "a.".repeat(60).concat("a")])(
  "'%s' is no name of a cluster to find",
  (cluster) => {
    expect(() => serviceName(cluster)).toThrow("cannot be part of a DNS name");
  },
);

describe("the members in an answer", () => {
  const found = (records: readonly MdnsRecord[]): string[] =>
    peersIn(records, service).map(formatAddress);

  test("are where their servers' hosts are", () => {
    expect(found([pointer, server, address, text])).toEqual(["10.77.0.1:7950"]);
    const ipv6: MdnsRecord = { name: "VM.", type: "AAAA", ttl: 120, data: "fd00::1" };
    expect(found([ipv6, server])).toEqual(["[fd00::1]:7950"]);
  });

  test("are not those of other services, without host or without port", () => {
    const other: MdnsRecord = { ...server, name: "stock.a._serf_other._tcp.local" };
    const portless: MdnsRecord = { ...server, data: { port: 0, target: "vm" } };
    const elsewhere: MdnsRecord = { ...address, name: "elsewhere" };
    const senseless: MdnsRecord = { ...address, data: "nonsense" };
    expect(found([other, address])).toEqual([]);
    expect(found([portless, address])).toEqual([]);
    expect(found([server, elsewhere])).toEqual([]);
    expect(found([server, senseless])).toEqual([]);
  });

  test("are at most 64", () => {
    expect(found([...Array.from({ length: 100 }, () => server), address])).toHaveLength(64);
  });
});

/** A discovery that hears what the test says. */
class Bench {
  readonly log = new RecordedLog();
  readonly joins: (readonly string[])[] = [];
  readonly members = new Set(["10.77.0.1:7950"]);
  failures: readonly string[] = [];
  #hear: (records: readonly MdnsRecord[]) => void = () => {};
  readonly discovery: Discovery;

  constructor() {
    const parts: DiscoveryParts = {
      ...announcement,
      log: this.log,
      interface: "",
      ipv4: true,
      ipv6: true,
      isMember: (one) => this.members.has(one),
      join: async (addresses) => {
        this.joins.push(addresses);
        const contacted = this.failures.length === 0 ? addresses.length : 0;
        return { tried: addresses.length, contacted, failures: this.failures };
      },
    };
    this.discovery = new Discovery(parts, {
      ask: async (asked, hear) => {
        expect(asked).toBe(service);
        this.#hear = hear;
      },
      close: () => {},
    });
    onTestFinished(() => this.discovery.stop());
  }

  answer(...ips: string[]): void {
    for (const ip of ips) this.#hear([server, { ...address, data: ip } as MdnsRecord]);
  }

  async untilJoined(times: number): Promise<void> {
    await until("it joins", () => this.joins.length >= times && this.log.lines.length >= times, {
      every: 10,
    });
  }
}

test("who is found soon after each other is joined together, but for ourselves", async () => {
  const bench = new Bench();
  bench.answer("10.77.0.1", "10.77.0.2", "10.77.0.3", "10.77.0.2");
  await bench.untilJoined(1);
  expect(bench.joins).toEqual([["10.77.0.2:7950", "10.77.0.3:7950"]]);
  expect(bench.log.lines).toEqual([{ level: "info", message: "Joined 2 hosts", fields: {} }]);
});

test("members are left alone; others are tried again whenever they are found", async () => {
  const bench = new Bench();
  bench.failures = ["Failed to join 10.77.0.2: refused"];
  bench.answer("10.77.0.2");
  await bench.untilJoined(1);
  expect(bench.log.at("error")).toEqual(["Failed to join: Failed to join 10.77.0.2: refused"]);
  bench.failures = [];
  bench.answer("10.77.0.2");
  await bench.untilJoined(2);
  bench.members.add("10.77.0.2:7950");
  bench.answer("10.77.0.2", "10.77.0.3");
  await bench.untilJoined(3);
  bench.members.delete("10.77.0.2:7950");
  bench.answer("10.77.0.2");
  await bench.untilJoined(4);
  expect(bench.joins).toEqual([
    ["10.77.0.2:7950"],
    ["10.77.0.2:7950"],
    ["10.77.0.3:7950"],
    ["10.77.0.2:7950"],
  ]);
});

test("a flood of answers is joined 64 at a time", async () => {
  const bench = new Bench();
  bench.answer(...Array.from({ length: 200 }, (_, index) => `10.78.0.${index}`));
  await bench.untilJoined(1);
  expect(bench.joins.map((join) => join.length)).toEqual([64]);
});
