import { readFile } from "node:fs/promises";
import { OperatorError } from "../../base/errors.js";
import { type Finding, Findings } from "../../examine/finding.js";
import { checkFile } from "../../lb/haproxy/check.js";
import { type ConfigServer, serversOf } from "../../lb/haproxy/config-servers.js";
import { ConfigText } from "../../lb/haproxy/config-text.js";
import { examineRunning } from "./haproxy-running.js";
import { findProxyProgram, isReadableFile } from "./proxy-place.js";
import { examineServers, type ServerDeps, type ServerPlace } from "./servers.js";

export interface HaproxyQuestion {
  readonly file: string;
  readonly binary: string;
  readonly path: string;
  /** undefined: what the file says. */
  readonly socket: string | undefined;
  readonly masterSocket: string | undefined;
  readonly pidFile: string | undefined;
  readonly checkTimeout: number;
  /** Names of pools whose markers the file needs; none: whoever keeps it needs none. */
  readonly pools: readonly string[];
  /** What tells the proxy to load it anew, for remedies. */
  readonly reload: string;
  /** Says why a backend has no server at all, if somebody should have written some into it. */
  readonly emptyCause: string | undefined;
}

/** All that can keep an HAProxy from serving what its configuration file says, up to its servers. */
export async function examineHaproxy(
  question: HaproxyQuestion,
  deps: ServerDeps,
): Promise<readonly Finding[]> {
  const { binary, checkTimeout, file, path, pools } = question;
  const program = new Findings("proxy-program", "HAProxy");
  const found = findProxyProgram(binary, path, program);
  if (found !== undefined && !program.hasFaults) program.ok(`is at ${found}`);
  const config = new Findings("proxy-config", file);
  if (!isReadableFile(file, config, "handlers/haproxy.cfg")) {
    return [...program.all, ...config.all];
  }
  const text = await readFile(file, "utf8");
  const parsed = new ConfigText(text);
  if (found !== undefined) await checkWords(found, file, text, checkTimeout, config);
  checkMarkers(parsed, text, pools, file, config);
  if (!config.hasFaults) config.ok("HAProxy accepts it");
  const running = await examineRunning(question, parsed);
  const servers = await examinePools(parsed, question, deps);
  return [...program.all, ...config.all, ...running, ...servers];
}

async function checkWords(
  binary: string,
  file: string,
  text: string,
  timeout: number,
  findings: Findings,
): Promise<void> {
  try {
    await checkFile(binary, file, file, timeout);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    const number = Number(/:(\d+)\]/.exec(thrown.message)?.[1]);
    const line = text.split("\n")[number - 1]?.trim();
    const change =
      line === undefined ? [] : [`change line ${number} of ${file}: ${line.slice(0, 120)}`];
    findings.fail(thrown.message, {
      cause: /could not resolve address/.test(thrown.message)
        ? "a name that nobody knows keeps HAProxy from starting; write addresses, or: init-addr last,libc,none"
        : "until that is right HAProxy starts with nothing, and a running one keeps what it had",
      remedy: [...change, `then: ${binary} -c -f ${file}`],
    });
  }
}

function checkMarkers(
  parsed: ConfigText,
  text: string,
  pools: readonly string[],
  file: string,
  findings: Findings,
): void {
  if (pools.length > 0) {
    try {
      parsed.places(pools, file);
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
      findings.fail(thrown.message, {
        cause: "without markers gossipd does not know which lines are its own",
        remedy: pools.map(
          (pool) =>
            `add to the backend: "# gossipd begin ${pool}" and below it "# gossipd end ${pool}"`,
        ),
      });
    }
    return;
  }
  const begins = text.match(/^[ \t]*# gossipd begin\b.*$/gm) ?? [];
  const ends = text.match(/^[ \t]*# gossipd end\b.*$/gm) ?? [];
  if (begins.length === ends.length) return;
  findings.fail(`has ${begins.length} lines "# gossipd begin" and ${ends.length} "# gossipd end"`, {
    cause: "the handler refuses to write a file in which it cannot tell its own lines",
    remedy: ['put one "# gossipd begin" and below it one "# gossipd end" into the backend'],
  });
}

/** For each backend: its servers, and whether any is left for requests. */
async function examinePools(
  parsed: ConfigText,
  { emptyCause, file }: HaproxyQuestion,
  deps: ServerDeps,
): Promise<readonly Finding[]> {
  const lines = linesOfServers(parsed);
  const all = serversOf(parsed);
  const enabled = all.filter(({ disabled }) => !disabled);
  const places = new Map<ConfigServer, ServerPlace>(
    enabled.map((one) => {
      const line = lines.get(`${one.backend}/${one.name}`);
      const where = line === undefined ? file : `line ${line} of ${file}`;
      return [one, { name: `${one.backend}/${one.name}`, where, host: one.host, port: one.port }];
    }),
  );
  const { examined, findings } = await examineServers([...places.values()], deps);
  const dialled = new Map(examined.map((one) => [one.server, one]));
  const pools = parsed.backends.flatMap((section) => {
    const own = all.filter(({ backend }) => backend === section.name);
    const pool = new Findings("pool", `backend ${section.name} of ${file}`);
    const live = own.filter(({ disabled }) => !disabled);
    const wellKnown = section.directives.some(({ words: [first] }) =>
      /^(stats|http-request|redirect|use-server|errorfile)$/.test(first ?? ""),
    );
    if (live.length === 0) {
      if (section.keyword === "listen" || (own.length === 0 && wellKnown)) return [];
      const slots =
        own.length === 0 ? "no server lines" : `${own.length} server lines, all of them disabled`;
      pool.fail(`HAProxy answers 503, since it has ${slots}`, {
        cause: emptyCause,
        remedy: [
          `add to backend ${section.name}: server NAME ADDRESS:PORT check, or have gossipd write it`,
        ],
      });
      return pool.all;
    }
    const results = live.flatMap((one) => {
      const place = places.get(one);
      return place === undefined ? [] : (dialled.get(place) ?? []);
    });
    const up = results.filter((one) => one.dialled === "answers");
    if (results.length > 0 && up.length === 0) {
      const reasons = [...new Set(results.map(({ why }) => why))].join("; ");
      pool.fail(
        `HAProxy answers 503, since none of its ${live.length} servers accepts connections`,
        { cause: reasons },
      );
    } else pool.ok(`${up.length} of ${live.length} servers accept connections`);
    return pool.all;
  });
  return [...findings, ...pools];
}

/** The numbers of the lines of servers, by backend and name. */
function linesOfServers(parsed: ConfigText): ReadonlyMap<string, number> {
  return new Map(
    parsed.backends.flatMap(({ directives, name }) =>
      directives.flatMap(({ line, words: [keyword, server] }) =>
        keyword === "server" && server !== undefined ? [[`${name}/${server}`, line] as const] : [],
      ),
    ),
  );
}
