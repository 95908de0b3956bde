import { readFile, stat } from "node:fs/promises";
import { OperatorError } from "../../base/errors.js";
import { type Finding, Findings } from "../../examine/finding.js";
import { serversOf } from "../../lb/haproxy/config-servers.js";
import type { ConfigText } from "../../lb/haproxy/config-text.js";
import { MasterSocket } from "../../lb/haproxy/master-socket.js";
import { RuntimeSocket } from "../../lb/haproxy/runtime-socket.js";
import { canonicalIp } from "../../lb/haproxy/server-lines.js";
import { type Listener, ownerOf, readListeners } from "../../lb/listeners.js";
import { startedAt } from "../../lb/nginx/processes.js";
import type { HaproxyQuestion } from "./haproxy.js";

const socketTimeout = 3_000;

/** A file that is written and loaded at the same moment is not taken for one that was not loaded. */
const loadTolerance = 2_000;

/** Whether HAProxy runs, and serves what its file says rather than what it said before. */
export async function examineRunning(
  question: HaproxyQuestion,
  parsed: ConfigText,
): Promise<readonly Finding[]> {
  const running = new Findings("proxy-process", "HAProxy's process");
  const reload = new Findings("reload", `what HAProxy has loaded of ${question.file}`);
  const socket = question.socket ?? parsed.statsSocket;
  if (socket === undefined) await withoutSocket(question, parsed, running, reload);
  else await bySocket(socket, question, parsed, running, reload);
  if (question.masterSocket !== undefined) await byMaster(question.masterSocket, question, reload);
  return [...running.all, ...reload.all];
}

async function bySocket(
  path: string,
  question: HaproxyQuestion,
  parsed: ConfigText,
  running: Findings,
  reload: Findings,
): Promise<void> {
  let rows: readonly Row[];
  try {
    const [stat = ""] = await new RuntimeSocket(path, socketTimeout).ask(["show stat"]);
    rows = readRows(stat);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    const isDenied = /permission denied/.test(thrown.message);
    const details = {
      remedy: isDenied
        ? ["run this as the user of HAProxy, or as root"]
        : [
            startOf(question),
            "the file needs in its section global: stats socket PATH mode 600 level admin",
          ],
    };
    if (isDenied) running.skip(thrown.message, details);
    else
      running.fail(`HAProxy does not answer: ${thrown.message}`, {
        cause: await whoServes(parsed),
        ...details,
      });
    return;
  }
  running.ok(`it runs, and answers at ${path}`);
  compareServers(rows, question, parsed, reload);
  for (const row of rows) if (row.type === "2") running.all.push(...serverFindings(row));
}

interface Row {
  /** 1: backend; 2: server. */
  readonly type: string;
  readonly backend: string;
  readonly name: string;
  readonly status: string;
  readonly check: string;
  readonly words: string;
  readonly address: string;
}

function readRows(answer: string): readonly Row[] {
  const [header = "", ...lines] = answer.split("\n");
  const columns = header.replace(/^# /, "").split(",");
  return lines.flatMap((line) => {
    const cells = cellsOf(line);
    const cell = (column: string): string => cells[columns.indexOf(column)] ?? "";
    if (cells.length < 10) return [];
    return [
      {
        type: cell("type"),
        backend: cell("pxname"),
        name: cell("svname"),
        status: cell("status"),
        check: cell("check_status").replace(/^\* /, ""),
        words: cell("last_chk"),
        address: cell("addr"),
      },
    ];
  });
}

/** Of a line of CSV as HAProxy writes it. */
function cellsOf(line: string): readonly string[] {
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "") : quoted.replaceAll('""', '"'),
  );
}

/** What HAProxy's own checks say that a connection alone does not: answers that it does not accept. */
function serverFindings({ backend, check, name, status, words }: Row): readonly Finding[] {
  const findings = new Findings("backend", `server ${backend}/${name}, as HAProxy checks it`);
  const said = words === "" ? check : `${check}, ${words}`;
  if (/^DOWN/.test(status) && /^L[67]/.test(check)) {
    const isStatus = check === "L7STS";
    findings.fail(`it is DOWN: ${said}`, {
      cause: isStatus
        ? "the service answers the request of the check with a status that counts as failed"
        : "the service accepts connections, but does not answer the check as it should",
      remedy: isStatus
        ? ["correct the path: option httpchk GET /PATH, with one that the service answers with 200"]
        : [
            "a service that speaks no HTTP needs no option httpchk: remove it, a connection is checked then",
          ],
    });
  } else if (/^DOWN/.test(status)) findings.skip(`it is DOWN: ${said}`);
  else if (/^(MAINT|DRAIN)/.test(status)) findings.skip(`it is ${status}: somebody took it out`);
  return findings.all;
}

/** The process has other servers than the file: then a reload was forgotten, or refused. */
function compareServers(
  rows: readonly Row[],
  { file, reload: command }: HaproxyQuestion,
  parsed: ConfigText,
  findings: Findings,
): void {
  const served = new Map(
    rows
      .filter(({ type }) => type === "2")
      .map((row) => [`${row.backend}/${row.name}`, row.address]),
  );
  const written = serversOf(parsed);
  const names = new Set(written.map(({ backend, name }) => `${backend}/${name}`));
  const backends = new Set(parsed.backends.map(({ name }) => name));
  const lacking = written.filter(({ backend, name }) => !served.has(`${backend}/${name}`));
  const moved = written.filter(({ backend, disabled, ip, name, port }) => {
    const address = served.get(`${backend}/${name}`) ?? "";
    const [, host = "", at = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
    return (
      !disabled &&
      ip !== undefined &&
      host !== "" &&
      (canonicalIp(host) !== ip || Number(at) !== port)
    );
  });
  const left = [...served.keys()].filter(
    (name) => backends.has(name.slice(0, name.lastIndexOf("/"))) && !names.has(name),
  );
  const differences = [
    ...lacking.slice(0, 5).map(({ backend, name }) => `${backend}/${name} is in the file alone`),
    ...moved
      .slice(0, 5)
      .map(
        ({ backend, name }) =>
          `${backend}/${name} has another address there (${served.get(`${backend}/${name}`)})`,
      ),
    ...left.slice(0, 5).map((name) => `${name} is in the process alone`),
  ];
  if (differences.length === 0) {
    findings.ok("its process has the servers of the file");
    return;
  }
  findings.fail(`HAProxy serves something else than ${file} says: ${differences.join("; ")}`, {
    cause: "it was not told to load the file, or refused to: a reload was without effect",
    remedy: [command, "and look at its log for the reason if nothing changes"],
  });
}

async function byMaster(
  path: string,
  { file, reload: command }: HaproxyQuestion,
  findings: Findings,
): Promise<void> {
  try {
    const { failed } = await new MasterSocket(path, socketTimeout).state();
    if (failed === 0) return;
    findings.fail(
      `the last ${failed === 1 ? "reload" : `${failed} reloads`} failed: HAProxy goes on with the file from before`,
      {
        cause: `what the check does not see, such as a bind address that is taken; its log says what`,
        remedy: [
          `haproxy -c -f ${file}`,
          "ss -ltnp shows who has the ports of its bind lines",
          command,
        ],
      },
    );
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    findings.fail(`its master cannot be asked: ${thrown.message}`, {
      remedy: [`start HAProxy with: -W -S ${path},mode,600`],
    });
  }
}

/** Without a runtime socket only the system can tell who listens, and since when. */
async function withoutSocket(
  question: HaproxyQuestion,
  parsed: ConfigText,
  running: Findings,
  reload: Findings,
): Promise<void> {
  const bound = await ownersOfBinds(parsed);
  const hint = "add to the section global: stats socket /run/haproxy.sock mode 600 level admin";
  if (bound === undefined) {
    running.skip("the file has no stats socket, so HAProxy cannot be asked", { remedy: [hint] });
    return;
  }
  const proxies = bound.filter(({ name }) => name.startsWith("haproxy"));
  if (proxies.length === 0) {
    const others = bound.map(
      ({ name, pid, port }) => `port ${port} is held by ${name}, process ${pid}`,
    );
    running.fail("no HAProxy listens at its bind lines", {
      cause: others.length === 0 ? undefined : others.join("; "),
      remedy: [startOf(question)],
    });
    return;
  }
  running.ok(`it runs, as process ${proxies[0]?.pid}`);
  const [written, started] = await Promise.all([
    stat(question.file).then(({ mtimeMs }) => mtimeMs),
    Promise.all(proxies.map(({ pid }) => startedAt(pid))),
  ]);
  const newest = Math.max(...started.map((one) => one ?? 0));
  if (newest > 0 && written - newest > loadTolerance) {
    reload.warn(`${question.file} was changed after HAProxy had started`, {
      cause: "unless its servers are changed by its socket, it serves what the file said before",
      remedy: [question.reload, hint],
    });
  }
}

interface BindOwner {
  readonly port: number;
  readonly pid: number;
  readonly name: string;
}

async function ownersOfBinds(parsed: ConfigText): Promise<readonly BindOwner[] | undefined> {
  const ports = new Set(
    parsed.binds.flatMap(({ words }) => {
      const port = Number(/:(\d+)$/.exec(words[1] ?? "")?.[1]);
      return port > 0 ? [port] : [];
    }),
  );
  const listeners = await readListeners();
  if (listeners === undefined || ports.size === 0) return undefined;
  const own = listeners.filter(({ port }) => ports.has(port));
  const owners = await Promise.all(own.map(async (one) => ownerWithPort(one)));
  const seen = owners.filter((one) => one !== undefined);
  // Of processes of others the system may tell nothing.
  return own.length > 0 && seen.length === 0 ? undefined : seen;
}

async function ownerWithPort(listener: Listener): Promise<BindOwner | undefined> {
  const owner = await ownerOf(listener);
  return owner === undefined ? undefined : { ...owner, port: listener.port };
}

async function whoServes(parsed: ConfigText): Promise<string | undefined> {
  const owners = (await ownersOfBinds(parsed)) ?? [];
  const proxy = owners.find(({ name }) => name.startsWith("haproxy"));
  if (proxy !== undefined) {
    return `HAProxy runs as process ${proxy.pid}${await otherFile(proxy.pid)}, but not with this socket`;
  }
  const [other] = owners;
  if (other === undefined) return "nobody listens at its bind lines: it is not running";
  return `port ${other.port} is held by ${other.name}, process ${other.pid}`;
}

/** The file that a process was started with, where the system tells. */
async function otherFile(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const words = text.split("\0");
  const file = words[words.indexOf("-f") + 1];
  return words.includes("-f") && file !== undefined ? `, with ${file}` : "";
}

function startOf({ file, masterSocket, pidFile }: HaproxyQuestion): string {
  const master = masterSocket === undefined ? "" : ` -S ${masterSocket},mode,600`;
  const pid = pidFile === undefined ? "" : ` -p ${pidFile}`;
  return `start it: haproxy -W -D -f ${file}${master}${pid}   (or: systemctl start haproxy)`;
}
