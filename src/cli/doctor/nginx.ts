import { readFile } from "node:fs/promises";
import { OperatorError } from "../../base/errors.js";
import { type Finding, Findings } from "../../examine/finding.js";
import { checkNginx } from "../../lb/nginx/check.js";
import { findInstallation, readBuild } from "../../lb/nginx/installation.js";
import { nginxProcesses } from "../../lb/nginx/processes.js";
import { findProxyProgram, isReadableFile } from "./proxy-place.js";
import { examineServers, type ServerDeps, type ServerPlace } from "./servers.js";

export interface NginxQuestion {
  readonly file: string;
  readonly binary: string;
  readonly path: string;
  readonly mainFile: string | undefined;
  readonly pidFile: string | undefined;
  readonly checkTimeout: number;
  readonly emptyCause: string | undefined;
}

/** All that can keep an nginx from serving what its configuration file says, up to its servers. */
export async function examineNginx(
  question: NginxQuestion,
  deps: ServerDeps,
): Promise<readonly Finding[]> {
  const { binary, file, path } = question;
  const program = new Findings("proxy-program", "nginx");
  const found = findProxyProgram(binary, path, program);
  if (found !== undefined && !program.hasFaults) program.ok(`is at ${found}`);
  const config = new Findings("proxy-config", file);
  if (!isReadableFile(file, config, "handlers/nginx.conf")) return [...program.all, ...config.all];
  const text = await readFile(file, "utf8");
  const running = new Findings("proxy-process", "nginx's process");
  if (found !== undefined) await examineInstallation(found, question, text, config, running);
  if (!config.hasFaults) config.ok("nginx accepts it");
  const servers = await examineUpstreams(text, question, deps);
  return [...program.all, ...config.all, ...running.all, ...servers];
}

async function examineInstallation(
  binary: string,
  { checkTimeout, file, mainFile, pidFile }: NginxQuestion,
  text: string,
  config: Findings,
  running: Findings,
): Promise<void> {
  const settings = { kind: "nginx", binary, mainFile, pidFile, generation: undefined } as const;
  try {
    const build = await readBuild(binary, checkTimeout);
    const place = await findInstallation(settings, file, text, build);
    const timeout = checkTimeout;
    await checkNginx({ binary, file, staged: file, mainFile: place.mainFile, timeout });
    await examineProcess(place.pidFile, place.mainFile, running);
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    const number = Number(/:(\d+)(?:\D*$)/.exec(thrown.message)?.[1]);
    const line = text.split("\n")[number - 1]?.trim();
    config.fail(thrown.message, {
      cause: "until that is right nginx starts with nothing, and a running one keeps what it had",
      remedy: [
        ...(line === undefined || line === ""
          ? []
          : [`look at line ${number} of ${file}: ${line.slice(0, 120)}`]),
        `then: ${binary} -t -c ${mainFile ?? file}`,
      ],
    });
  }
}

async function examineProcess(pidFile: string, main: string, running: Findings): Promise<void> {
  const text = await readFile(pidFile, "utf8").catch(() => "");
  const pid = Number(text.trim());
  const found = pid > 0 ? await nginxProcesses(pid) : undefined;
  if (found !== undefined) {
    running.ok(`it runs, as process ${pid}`);
    return;
  }
  running.fail(
    `nginx is not running: ${text === "" ? `there is no pid file ${pidFile}` : `process ${text.trim()} of ${pidFile} is none of nginx`}`,
    {
      remedy: [`start it: nginx -c ${main}   (or: systemctl start nginx)`],
    },
  );
}

interface Upstream {
  readonly name: string;
  readonly servers: readonly ServerPlace[];
}

/** The `upstream` blocks of a text, as far as servers are written there by address. */
function upstreamsOf(text: string, file: string): readonly Upstream[] {
  const upstreams: { name: string; servers: ServerPlace[] }[] = [];
  let current: { name: string; servers: ServerPlace[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const code = line.replace(/#.*$/, "");
    const name = /^\s*upstream\s+(\S+?)\s*\{/.exec(code)?.[1];
    if (name !== undefined) {
      current = { name, servers: [] };
      upstreams.push(current);
    }
    const [, where = "", rest = ""] = /^\s*server\s+([^\s;{]+)([^;{]*);/.exec(code) ?? [];
    if (
      current !== undefined &&
      where !== "" &&
      !/\bdown\b/.test(rest) &&
      !where.startsWith("unix:")
    ) {
      const [, v6, host = "", port = "80"] =
        /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(where) ?? [];
      const place = { name: `${current.name}/${where}`, where: `line ${index + 1} of ${file}` };
      current.servers.push({ ...place, host: v6 ?? host, port: Number(port) });
    }
    if (/\}/.test(code)) current = undefined;
  }
  return upstreams;
}

async function examineUpstreams(
  text: string,
  { emptyCause, file }: NginxQuestion,
  deps: ServerDeps,
): Promise<readonly Finding[]> {
  const upstreams = upstreamsOf(text, file);
  const all = upstreams.flatMap(({ servers }) => servers);
  const { examined, findings } = await examineServers(all, deps);
  const pools = upstreams.flatMap(({ name, servers }) => {
    const pool = new Findings("pool", `upstream ${name} of ${file}`);
    const results = examined.filter((one) => servers.includes(one.server));
    const up = results.filter(({ dialled }) => dialled === "answers");
    const reasons = [...new Set(results.map(({ why }) => why))].join("; ");
    if (servers.length === 0)
      pool.fail("nginx answers 502, since it has no server that is not down", {
        cause: emptyCause,
      });
    else if (up.length === 0)
      pool.fail(
        `nginx answers 502, since none of its ${servers.length} servers accepts connections`,
        { cause: reasons },
      );
    else pool.ok(`${up.length} of ${servers.length} servers accept connections`);
    return pool.all;
  });
  return [...findings, ...pools];
}
