import type mdns from "multicast-dns";
import { type Address, formatIp, isMappedIpv4, parseIp } from "../base/address.js";
import { OperatorError } from "../base/errors.js";

export type MdnsRecord = mdns.ResponseOutgoingPacket["answers"][number];

/** What is asked, as the library hands it over. */
export interface MdnsQuestion {
  readonly name: string;
  readonly type?: string | undefined;
}

/** What one packet may say at most of members: a thousand do not fit. */
const maxPeersPerPacket = 64;

/** How long others may remember an answer, in seconds, as with Serf. */
const ttl = 120;

/** A label of a name has no more. */
const maxLabelBytes = 63;

/** A name has no more, and what a node name may take of it. */
const maxNameBytes = 253;
const maxInstanceBytes = 128;

/** Where all services of a link are listed (RFC 6763 section 9). */
const catalogue = "_services._dns-sd._udp.local";

/** Under what name the members of a cluster look for each other. Throws {@link OperatorError}. */
export function serviceName(cluster: string): string {
  const name = `_serf_${cluster}._tcp.local`;
  const fits = (label: string): boolean =>
    label !== "" && Buffer.byteLength(label) <= maxLabelBytes;
  const whole = Buffer.byteLength(name) + maxInstanceBytes <= maxNameBytes;
  if (whole && name.split(".").every(fits)) return name;
  throw new OperatorError(
    `-discover: '${cluster}' cannot be part of a DNS name: parts between dots have 1 to ${maxLabelBytes} bytes, "_serf_" included`,
  );
}

export interface Announcement {
  readonly cluster: string;
  readonly nodeName: string;
  readonly hostName: string;
  readonly advertised: Address;
}

/** What a member says of itself to those who ask (compat.md section 7.4): the records of Serf. */
export class MdnsAnswers {
  readonly #service: string;
  readonly #instance: string;
  readonly #target: string;
  readonly #catalogue: MdnsRecord;
  readonly #pointer: MdnsRecord;
  readonly #server: MdnsRecord;
  readonly #address: MdnsRecord;
  readonly #text: MdnsRecord;

  constructor({ advertised, cluster, hostName, nodeName }: Announcement) {
    const service = serviceName(cluster);
    const name = `${instanceLabels(nodeName)}.${service}`;
    const target = hostName;
    const { ip, port } = advertised;
    const ipv4 = ip.length === 4 || isMappedIpv4(ip);
    this.#service = service;
    this.#instance = comparable(name);
    this.#target = comparable(target);
    this.#catalogue = { name: catalogue, type: "PTR", ttl, data: service };
    this.#pointer = { name: service, type: "PTR", ttl, data: name };
    this.#server = { name, type: "SRV", ttl, data: { priority: 10, weight: 1, port, target } };
    this.#address = { name: target, type: ipv4 ? "A" : "AAAA", ttl, data: formatIp(ip) };
    this.#text = { name, type: "TXT", ttl, data: [`Serf '${cluster}' cluster`] };
  }

  /** Empty if the question is none for us. */
  to({ name, type = "ANY" }: MdnsQuestion): readonly MdnsRecord[] {
    const asked = comparable(name);
    const wants = (record: MdnsRecord): boolean => type === "ANY" || type === record.type;
    switch (asked) {
      case comparable(this.#service):
        if (!wants(this.#pointer)) return [];
        return [this.#pointer, this.#server, this.#address, this.#text];
      case comparable(catalogue):
        return wants(this.#catalogue) ? [this.#catalogue] : [];
      case this.#instance: {
        const server = wants(this.#server) ? [this.#server, this.#address] : [];
        const address = server.length === 0 && wants(this.#address) ? [this.#address] : [];
        return [...server, ...address, ...(wants(this.#text) ? [this.#text] : [])];
      }
      case this.#target:
        return wants(this.#address) ? [this.#address] : [];
      default:
        return [];
    }
  }
}

/** Where the members of a service are, as one packet says. */
export function peersIn(records: readonly MdnsRecord[], service: string): Address[] {
  const suffix = `.${comparable(service)}`;
  const peers: Address[] = [];
  for (const record of records) {
    if (record.type !== "SRV" || !comparable(record.name).endsWith(suffix)) continue;
    const { port, target } = record.data;
    const ip = addressOf(records, comparable(target));
    if (ip === undefined || port === 0) continue;
    peers.push({ ip, port });
    if (peers.length === maxPeersPerPacket) break;
  }
  return peers;
}

function addressOf(records: readonly MdnsRecord[], host: string): Uint8Array | undefined {
  for (const record of records) {
    if (record.type !== "A" && record.type !== "AAAA") continue;
    const ip = comparable(record.name) === host ? parseIp(record.data) : undefined;
    if (ip !== undefined) return ip;
  }
  return undefined;
}

/**
 * A node name in front of the service, a label for each part between dots, as Serf has it: RFC 6763
 * wants one label, but members look at neither. What is no label or too much is left out.
 */
function instanceLabels(nodeName: string): string {
  let left = maxInstanceBytes;
  const labels = nodeName.split(".").flatMap((part) => {
    const label = cut(part, Math.min(maxLabelBytes, left - 1));
    left -= Buffer.byteLength(label) + 1;
    return label === "" ? [] : [label];
  });
  return labels.length === 0 ? "_" : labels.join(".");
}

/** The beginning of a text, whole characters only. */
function cut(text: string, maxBytes: number): string {
  let end = "";
  for (const character of text) {
    if (Buffer.byteLength(end + character) > maxBytes) break;
    end += character;
  }
  return end;
}

/** Names do not differ by case. */
function comparable(name: string): string {
  return name.toLowerCase().replace(/\.$/, "");
}
