import { formatAddress } from "../../base/address.js";
import { compareTexts } from "../../base/compare-texts.js";
import type { MemberFilter, RpcMember } from "../../rpc/api.js";
import type { RpcClient } from "../../rpc/client.js";
import { type HeldOut, heldOut, heldText } from "../lb/held-out.js";
import { escapeControls, escapeWord, layOut, sortedPairs, toJson, toObject } from "../output.js";

/** Members as an agent knows them, and who of them is held out of load balancers. */
export interface MemberListing {
  /** Sorted by name. */
  readonly members: readonly RpcMember[];
  readonly held: ReadonlyMap<string, readonly HeldOut[]>;
}

export async function readMembers(agent: RpcClient, filter: MemberFilter): Promise<MemberListing> {
  const found = await agent.membersFiltered(filter);
  const members = found.toSorted((one, other) => compareTexts(one.name, other.name));
  return { members, held: await heldOut(agent) };
}

/** One row for each member, as Serf has them. */
export function membersText({ members, held }: MemberListing, detailed: boolean): string {
  const rows = members.map((member) => {
    const row = memberRow(member);
    if (detailed) {
      row.push(
        `Protocol Version: ${member.delegateCur}`,
        `Available Protocol Range: [${member.delegateMin}, ${member.delegateMax}]`,
      );
    }
    const holds = held.get(member.name);
    if (holds !== undefined) row.push(escapeControls(heldText(holds)));
    return row;
  });
  return `${layOut(rows)}\n`;
}

/** Name, address, status and tags. */
export function memberRow(member: RpcMember): string[] {
  const tags = sortedPairs(member.tags).map(([key, value]) => `${key}=${value}`);
  return [
    escapeWord(member.name),
    formatAddress({ ip: member.addr, port: member.port }),
    member.status,
    escapeControls(tags.join(",")),
  ];
}

/** In Serf's form. */
export function membersJson(listing: MemberListing): string {
  const list = listing.members.map((member) => memberObject(member, listing));
  return `${toJson({ members: list.length === 0 ? null : list })}\n`;
}

export function memberObject(member: RpcMember, { held }: Pick<MemberListing, "held">): object {
  return {
    name: member.name,
    addr: formatAddress({ ip: member.addr, port: member.port }),
    port: member.port,
    tags: toObject(member.tags),
    status: member.status,
    protocol: { max: member.delegateMax, min: member.delegateMin, version: member.delegateCur },
    ...(held.has(member.name) ? { held: held.get(member.name) } : {}),
  };
}
