import { describe, expect, test } from "vitest";
import { PathCheck } from "../../src/agent/path-check.js";
import { type PathFindings, pathFault } from "../../src/agent/path-fault.js";
import type { ProbedPath } from "../../src/agent/reach-probe.js";
import { parseIp } from "../../src/base/address.js";
import type { Fields, Log } from "../../src/base/log.js";
import type { Bytes } from "../../src/base/units.js";
import { Chronicle } from "../../src/observe/chronicle.js";
import type { Reached } from "../../src/observe/reach.js";
import type { TroubledProbe } from "../../src/swim/observation.js";

function ip(text: string): Bytes {
  const bytes = parseIp(text);
  if (bytes === undefined) throw new Error(`no address: ${text}`);
  return bytes;
}

function path(tcp: Reached, udp: Reached, seenAs?: string): ProbedPath {
  const reach = { address: "10.0.0.2:7946", tcp, udp };
  return { reach, seenAs: seenAs === undefined ? undefined : ip(seenAs) };
}

function findings(probed: ProbedPath, heard = false): PathFindings {
  const advertised = { ip: ip("::ffff:172.17.0.2"), port: 7946 };
  const own = [ip("127.0.0.1"), ip("172.17.0.2"), ip("10.9.0.2")];
  return { ...probed, member: "b", advertised, own, heard };
}

describe("what is wrong with a way on which TCP alone works", () => {
  test.for([
    ["answers", "answers", "192.0.2.7", false, /address translation \(NAT\)/],
    ["answers", "silent", "192.0.2.7", true, /address translation \(NAT\)/],
    ["answers", "silent", "10.9.0.2", false, /another of its addresses/],
    ["answers", "answers", "172.17.0.2", false, /^datagrams to the advertised address/],
    ["answers", "answers", undefined, false, /^datagrams to the advertised address/],
    ["answers", "silent", "172.17.0.2", false, /^datagrams of another member do not arrive here/],
    ["answers", "silent", "172.17.0.2", true, /^datagrams of this agent do not reach/],
    ["answers", "refused", undefined, true, /^datagrams of this agent do not reach/],
  ] as const)("TCP %s, UDP %s, seen at %s, heard %s", ([tcp, udp, seenAs, heard, words]) => {
    expect(pathFault(findings(path(tcp, udp, seenAs), heard))?.message).toMatch(words);
  });

  test.for([
    ["answers", "answers", "172.17.0.2", true],
    ["silent", "silent", undefined, false],
    ["refused", "refused", undefined, false],
    ["mute", "answers", undefined, false],
  ] as const)("TCP %s, UDP %s, seen at %s, heard %s: nothing", ([tcp, udp, seenAs, heard]) => {
    expect(pathFault(findings(path(tcp, udp, seenAs), heard))).toBeUndefined();
  });

  test("the address that others see is told beside the one that is advertised", () => {
    const fault = pathFault(findings(path("answers", "answers", "192.0.2.7")));
    const fields = { member: "b", advertised: "172.17.0.2:7946", seenAs: "192.0.2.7" };
    expect(fault?.fields).toEqual(fields);
  });
});

/** A check, and what it did. */
function check(probed: ProbedPath) {
  let now = 0;
  const chronicle = new Chronicle(() => ++now);
  const warnings: { fields: Fields; message: string }[] = [];
  const probes: number[] = [];
  const quiet = (): void => {};
  const log: Log = {
    trace: quiet,
    debug: quiet,
    info: quiet,
    error: quiet,
    warn: (fields, message) => void warnings.push({ fields, message }),
  };
  const { advertised, own } = findings(probed);
  new PathCheck({
    log,
    advertised,
    chronicle,
    own: () => own,
    addressOf: (member) => (member === "gone" ? undefined : { ip: ip("10.0.0.2"), port: 7946 }),
    probe: async () => {
      probes.push(now);
      return probed;
    },
  });
  const trouble = async (
    node: string,
    outcome: TroubledProbe["outcome"] = "tcp",
  ): Promise<void> => {
    chronicle.observe({
      kind: "probe",
      node,
      outcome,
      took: 1_000,
      helpers: [],
      nacks: 0,
      tcp: "acked",
      unheard: false,
    });
    // What it looks at takes a few turns.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { chronicle, probes, trouble, warnings };
}

const translated = path("answers", "answers", "192.0.2.7");

test("it warns once, after the second probe of a member that TCP alone answered", async () => {
  const { probes, trouble, warnings } = check(translated);
  await trouble("b");
  expect(probes).toEqual([]);
  await trouble("b");
  expect(warnings).toHaveLength(1);
  for (let round = 0; round < 5; round += 1) await trouble("c");
  expect({ probes: probes.length, warnings: warnings.length }).toEqual({ probes: 1, warnings: 1 });
});

test("an answer to a ping in between begins the count anew", async () => {
  const { chronicle, probes, trouble } = check(translated);
  for (let round = 0; round < 5; round += 1) {
    await trouble("b");
    chronicle.observe({ kind: "acked", node: "b", rtt: 1 });
  }
  expect(probes).toEqual([]);
});

test("members that fail, and pings that are late or helped, are nobody's network", async () => {
  const { probes, trouble } = check(translated);
  for (const outcome of ["lost", "late", "helped"] as const) {
    for (let round = 0; round < 3; round += 1) await trouble("b", outcome);
  }
  expect(probes).toEqual([]);
});

test("what says nothing is looked at again, but not for ever", async () => {
  const { probes, trouble, warnings } = check(path("silent", "silent"));
  for (let round = 0; round < 100; round += 1) await trouble("b");
  expect(warnings).toEqual([]);
  expect(probes).toHaveLength(8);
});

test("a member that is not known any more is not looked at", async () => {
  const { probes, trouble } = check(translated);
  for (let round = 0; round < 4; round += 1) await trouble("gone");
  expect(probes).toEqual([]);
});
