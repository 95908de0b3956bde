import { onTestFinished } from "vitest";
import { Driver } from "../../src/agent/driver.js";
import { NonceSource } from "../../src/agent/entropy.js";
import { unmapped } from "../../src/agent/ip-ranges.js";
import { openSockets, type Sockets } from "../../src/agent/sockets.js";
import { type Address, parseIp } from "../../src/base/address.js";
import type { Bytes } from "../../src/base/units.js";
import { type SerfConfig, serfDefaults } from "../../src/serf/config.js";
import type { SerfEvent } from "../../src/serf/events.js";
import { Serf } from "../../src/serf/serf.js";
import { profiles } from "../../src/swim/config.js";
import type { JoinResult } from "../../src/swim/join.js";
import { RecordedLog } from "../support/recorded-log.js";

/** A real member on a loopback address, on a port that is free. */
export interface LoopbackMember {
  readonly serf: Serf;
  readonly driver: Driver;
  readonly sockets: Sockets;
  readonly address: Address;
  readonly events: readonly SerfEvent[];
  readonly log: RecordedLog;
  join(...others: Address[]): Promise<JoinResult>;
  leave(): Promise<void>;
  statuses(): Record<string, string>;
}

export function ipOf(text: string): Bytes {
  const ip = parseIp(text);
  if (ip === undefined) throw new Error(`no address: ${text}`);
  return ip;
}

/** Starts a member that is stopped when the test is over. */
export async function startMember(
  name: string,
  bindTo: string,
  over: Partial<SerfConfig> = {},
): Promise<LoopbackMember> {
  const log = new RecordedLog();
  const ip = ipOf(bindTo);
  const sockets = await openSockets({ ip, port: 0 }, log);
  const { port } = sockets.tcp.bound;
  const address = over.advertise === undefined ? { ip, port } : { ip: over.advertise.ip, port };
  const nonces = new NonceSource();
  const serf = new Serf(
    {
      ...serfDefaults,
      name,
      tags: new Map([["on", bindTo]]),
      bindPort: port,
      timing: profiles.local,
      keyring: undefined,
      leavePropagateDelay: 100,
      coalescePeriod: 0,
      ...over,
      advertise: address,
    },
    {
      random: { next: Math.random },
      logs: { serf: log, swim: log },
      nonce: () => nonces.next(),
    },
  );
  const events: SerfEvent[] = [];
  const driver = new Driver(serf, {
    ...sockets,
    onEvent: (event) => events.push(event),
    onStop: (reason) => {
      throw new Error(reason);
    },
  });
  driver.start();
  onTestFinished(() => driver.stop());
  const feed = <T>(input: (now: number, done: (value: T) => void) => void): Promise<T> =>
    new Promise((resolve) => driver.feed((now) => input(now, resolve)));
  return {
    serf,
    driver,
    sockets,
    address: { ip: unmapped(address.ip), port },
    events,
    log,
    join: (...others) => {
      const targets = others.map((one) => ({ address: one, name: "" }));
      return feed((now, done) => serf.join(now, targets, false, done));
    },
    leave: () => feed<void>((now, done) => serf.leave(now, done)),
    statuses: () => Object.fromEntries(serf.members().map(({ name, status }) => [name, status])),
  };
}
