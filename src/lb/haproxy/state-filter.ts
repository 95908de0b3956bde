import type { Admission } from "../model.js";
import type { ConfigServer } from "./config-servers.js";
import { canonicalIp } from "./server-lines.js";

/** A server of the new file, and what is known of what should become of it. */
export interface StateTarget extends ConfigServer {
  /** undefined: none of ours, whatever was done to it stays. */
  readonly admission: Admission | undefined;
}

/** Bits of `srv_admin_state`: maintenance by somebody, by a tracked server, by lack of an address. */
const maintenance = 0x01 | 0x02 | 0x20;

/** Drain by somebody, or inherited. */
const drain = 0x08 | 0x10;

/** `disabled` in the file that the dumped process had read. */
const configured = 0x04;

/**
 * What of `show servers state` the process after a reload may believe; undefined if that is nothing.
 *
 * HAProxy matches by backend and name alone, and then the file of states beats the new configuration
 * (all measured on 2.6): a server whose address was changed keeps its old one, one that is `disabled`
 * by now comes back if it was enabled at run time, and one that was in maintenance stays DOWN for ever
 * if nothing checks it. So a line passes only if its address and port are those of the new file, and
 * for our servers the administrative part becomes what it should be, not what it was.
 */
export function filterStates(dump: string, targets: readonly StateTarget[]): string | undefined {
  const [version, header = "", ...rows] = dump.split("\n");
  if (version?.trim() !== "1" || !header.startsWith("# ")) return undefined;
  const names = header.slice(2).trim().split(" ");
  const known = new Map(targets.map((target) => [`${target.backend}/${target.name}`, target]));
  const kept = rows.flatMap((row) => {
    const cells = row.trim().split(" ");
    if (cells.length !== names.length) return [];
    const cell = (name: string): string => cells[names.indexOf(name)] ?? "";
    const target = known.get(`${cell("be_name")}/${cell("srv_name")}`);
    if (target === undefined || !isSameServer(cell, target)) return [];
    const changes = changesFor(cell, target);
    if (changes === undefined) return [];
    return [cells.map((value, index) => changes[names[index] ?? ""] ?? value).join(" ")];
  });
  return kept.length === 0 ? undefined : `${[version, header, ...kept].join("\n")}\n`;
}

type Cell = (name: string) => string;

function isSameServer(cell: Cell, { host, ip, port }: StateTarget): boolean {
  if (Number(cell("srv_port")) !== port) return false;
  if (ip === undefined) return cell("srv_fqdn") === host;
  return canonicalIp(cell("srv_addr")) === ip;
}

/** The cells to be replaced; undefined if the file alone should say how the server begins. */
function changesFor(cell: Cell, target: StateTarget): Readonly<Record<string, string>> | undefined {
  const admin = Number(cell("srv_admin_state"));
  const isDown = cell("srv_op_state") === "0";
  const weight = target.weight === undefined ? {} : weightCells(target.weight);
  switch (target.admission) {
    case undefined:
      return isDown && (admin & maintenance) === 0 && !target.checked ? undefined : {};
    case "ready":
      if (target.disabled || (admin & maintenance) !== 0) return undefined;
      if (isDown && !target.checked) return undefined;
      return { srv_admin_state: "0", ...weight };
    case "drain":
      // Bit 4 tells HAProxy that the file says `disabled` and somebody has decided otherwise since.
      if ((admin & maintenance) !== 0) return undefined;
      return {
        srv_admin_state: String((admin & drain) | 0x08 | (target.disabled ? configured : 0)),
        ...weight,
      };
    case "out":
      return undefined;
  }
}

function weightCells(weight: number): Readonly<Record<string, string>> {
  return { srv_uweight: String(weight), srv_iweight: String(weight) };
}
