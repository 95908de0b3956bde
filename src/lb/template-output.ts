import { OperatorError } from "../base/errors.js";
import { nothing, oneLine, readIp, readPort } from "./values.js";

/**
 * Looks at what a template made, whatever it was made from: no control characters, nothing that stands
 * for a value that was not there, and on each line of a server an address. Throws OperatorError with
 * the line.
 */
export function refuseOutput(text: string, template: string): void {
  for (const [index, line] of text.split("\n").entries()) {
    const fault = faultOf(line);
    if (fault === undefined) continue;
    throw new OperatorError(
      `${template} makes a wrong line ${index + 1}: ${fault}: ${JSON.stringify(oneLine(line, 120))}`,
    );
  }
  if (text.trim() === "") throw new OperatorError(`${template} makes an empty file`);
}

function faultOf(line: string): string | undefined {
  if (/[^\P{Cc}\t\r]|[\p{Zl}\p{Zp}\ufffe\uffff]|\r(?!$)/u.test(line)) return "a control character";
  const code = line.replace(/(^|\s)#.*$/, "");
  if (nothing.test(code)) return "a value that is not there";
  return serverFault(code.trim());
}

/** `server ADDRESS ...;` of nginx, and `server NAME ADDRESS ...` of HAProxy. */
function serverFault(code: string): string | undefined {
  if (!/^server(\s|;|$)/.test(code) || /^server\s*\{/.test(code)) return undefined;
  const isNginx = code.endsWith(";");
  const words = code.replace(/;$/, "").trim().split(/\s+/).slice(1);
  const address = isNginx ? words[0] : words[1];
  if (address === undefined || address === "") return "a server without an address";
  return addressFault(address);
}

/** Addresses of members are literal; what an operator wrote himself may also be a name, a path or a variable. */
function addressFault(address: string): string | undefined {
  const bare = address.replace(/^(ipv[46]|tcp[46]?|udp[46]?|stream\+\w+)@/, "");
  if (/^(unix:|unix@|uxst@|abns@|fd@|sockpair@|\/|\$|"\$)/.test(bare)) return undefined;
  const { host, port } = split(bare);
  if (host === "") return "a server without an address";
  if (port !== undefined && !/^[+-]?\d{1,5}$/.test(port)) return "a port that is none";
  if (port !== undefined && /^\d/.test(port) && readPort(port).fault !== undefined) {
    return "a port that is none";
  }
  const literal = host.includes(":") || /^[\d.]+$/.test(host);
  if (literal && readIp(host).fault !== undefined) return "an address that is none";
  return /^[\w.:-]+$/.test(host) ? undefined : "an address that is none";
}

/** HAProxy also takes an IPv6 address without brackets: what follows the last colon is the port then. */
function split(address: string): { readonly host: string; readonly port: string | undefined } {
  const [, bracketed, port] = /^\[([^\]]*)\](?::(.*))?$/.exec(address) ?? [];
  if (bracketed !== undefined) return { host: bracketed, port };
  const colon = address.lastIndexOf(":");
  if (colon < 0) return { host: address, port: undefined };
  return { host: address.slice(0, colon), port: address.slice(colon + 1) };
}
