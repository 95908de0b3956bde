import { OperatorError } from "../base/errors.js";

/** One question whose answer tells whether the application can take requests. */
export type Check =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "http"; readonly url: string }
  | { readonly kind: "exec"; readonly command: string };

/** More would be asked at once. */
const maxChecks = 32;

export interface CheckTexts {
  readonly checkTcp: readonly string[];
  readonly checkHttp: readonly string[];
  readonly checkExec: readonly string[];
}

/** Reads what an operator wants checked. Throws {@link OperatorError}. */
export function parseChecks({ checkExec, checkHttp, checkTcp }: CheckTexts): readonly Check[] {
  const checks = [
    ...checkTcp.map(parseTcpCheck),
    ...checkHttp.map(parseHttpCheck),
    ...checkExec.map(parseExecCheck),
  ];
  if (checks.length <= maxChecks) return checks;
  throw new OperatorError(
    `there are ${checks.length} readiness checks, at most ${maxChecks} can be`,
  );
}

/** `8080`, `:8080`, `host:8080` or `[::1]:8080`. */
function parseTcpCheck(text: string): Check {
  const [, host = "", port] = /^(?:(\[[\da-fA-F:.]+\]|[^\s:[\]/]*):)?(\d{1,5})$/.exec(text) ?? [];
  if (port === undefined || !isPort(Number(port))) {
    throw new OperatorError(
      `-check-tcp (check_tcp): ${JSON.stringify(text)} is no port such as 8080 and no HOST:PORT`,
    );
  }
  const bare = host.replace(/^\[|\]$/g, "");
  return { kind: "tcp", host: bare === "" ? "127.0.0.1" : bare, port: Number(port) };
}

/** A URL, or the end of one that begins with `http://127.0.0.1`. */
function parseHttpCheck(text: string): Check {
  const url = parseUrl(/^https?:\/\//i.test(text) ? text : `http://${withHost(text)}`);
  if (url !== undefined && isPort(Number(url.port || 80))) return { kind: "http", url: url.href };
  throw new OperatorError(
    `-check-http (check_http): ${JSON.stringify(text)} is no URL and nothing like 8080/health`,
  );
}

function withHost(text: string): string {
  if (text.startsWith(":")) return `127.0.0.1${text}`;
  if (text.startsWith("/")) return `127.0.0.1:80${text}`;
  return /^\d{1,5}(\/|$)/.test(text) ? `127.0.0.1:${text}` : text;
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}

function parseExecCheck(command: string): Check {
  if (command.trim() !== "" && !command.includes("\0")) return { kind: "exec", command };
  throw new OperatorError("-check-exec (check_exec): the command is empty, or has a NUL in it");
}
