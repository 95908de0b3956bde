/** How long an interval of an agent's own measurements is; they begin at multiples of it. */
export const intervalMillis = 10_000;

/** What went out to the network. */
export interface Traffic {
  readonly packets: number;
  readonly udpBytes: number;
  readonly tcpBytes: number;
}

export const noTraffic: Traffic = { packets: 0, udpBytes: 0, tcpBytes: 0 };

export function addTraffic(one: Traffic, other: Traffic): Traffic {
  return {
    packets: one.packets + other.packets,
    udpBytes: one.udpBytes + other.udpBytes,
    tcpBytes: one.tcpBytes + other.tcpBytes,
  };
}

/**
 * What an agent sent in the intervals that begin from `from` on and before `to` (in ms since 1970), as
 * it says when it gets SIGUSR1. Both programs count the same: what they hand to their sockets, without
 * the headers of UDP, TCP and IP.
 */
export function parseTraffic(dump: string, from: number, to: number): Traffic {
  const traffic = { ...noTraffic };
  for (const line of dump.split("\n")) {
    const counter = /^\[([^\]]+)\]\[C\] '[^']*memberlist\.(udp|tcp)\.sent': (.*)$/.exec(line);
    if (counter === null) continue;
    const [, time = "", protocol, aggregate = ""] = counter;
    const start = parseGoTime(time);
    if (start < from || start >= to) continue;
    const sum = numberAfter(aggregate, "Sum");
    if (protocol === "tcp") {
      traffic.tcpBytes += sum;
    } else {
      traffic.packets += numberAfter(aggregate, "Count");
      traffic.udpBytes += sum;
    }
  }
  return traffic;
}

/** A time as Go prints it, such as `2026-11-21 17:25:30 +0000 UTC`, in ms since 1970. */
function parseGoTime(text: string): number {
  const parts = /^(\S+) (\S+) ([+-]\d\d)(\d\d)/.exec(text);
  if (parts === null) throw new Error(`"${text}" is no time`);
  const [, day, clock, hours, minutes] = parts;
  return Date.parse(`${day}T${clock}${hours}:${minutes}`);
}

function numberAfter(text: string, name: string): number {
  const value = Number(new RegExp(`\\b${name}: ([\\d.]+)`).exec(text)?.[1]);
  if (Number.isNaN(value)) throw new Error(`no ${name} in "${text}"`);
  return value;
}
