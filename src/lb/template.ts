import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, resolve, sep } from "node:path";
import type { Liquid, LiquidError, TagToken } from "liquidjs";
import { formatHostPort } from "../base/address.js";
import { InvariantError, OperatorError, reasonOf } from "../base/errors.js";
import { diskError } from "./disk.js";
import { markersOf } from "./marker.js";
import type { Desired, Pool, Server } from "./model.js";
import { refuseOutput } from "./template-output.js";
import { oneLine, templateTags } from "./values.js";

export interface TemplateQuestion {
  /** The path of the template. */
  readonly template: string;
  readonly desired: Desired;
  /** The lines that the proxy's part makes for each pool: what `{% servers "web" %}` writes. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
  /** Changes when a line does. */
  readonly generation?: string;
}

/** Bounds of one rendering: characters of templates, steps of loops, and pieces of output. */
const parseLimit = 4_000_000;
const renderLimit = 5_000;
const memoryLimit = 50_000_000;

/**
 * The text of a configuration file from a LiquidJS template and what templates may know:
 *
 *   pools[]      name, servers[], others[]
 *   servers[]    name, node, addr, port, weight, state, tags: those that get requests
 *   others[]     the same of those that get no new ones (state drain, maint)
 *   addresses[]  host, ip of all that get requests
 *   self, version, generation
 *
 * Beside Liquid's own filters there are `bracket` (an IPv6 address in brackets), `host_port`
 * (`{{ s | host_port }}`) and `quote` (a word in double quotes); `{% servers "web" %}` writes the lines
 * that marker mode would write, between their markers. Nothing is left out in silence: a variable or
 * filter that is not known is an error. Equal pools give equal texts: there are no dates and no chance.
 *
 * Throws OperatorError with the template's line.
 */
export async function renderTemplate(question: TemplateQuestion): Promise<string> {
  const { template } = question;
  const text = readTemplate(template);
  const files = new Map([[text, template]]);
  const engine = await makeEngine(question, files);
  let output: unknown;
  try {
    // Not its asynchronous twin, which takes six times as long: parts are small files beside it.
    output = engine.renderSync(engine.parse(text, template), modelOf(question));
  } catch (error) {
    const fault = faultIn(template, files, error);
    throw new OperatorError(`${fault}${lackOf(question.desired, fault)}`, { cause: error });
  }
  const rendered = String(output);
  refuseOutput(rendered, template);
  return rendered;
}

function readTemplate(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) throw new OperatorError(`there is no template ${path}`);
    if (!stats.isFile()) throw new OperatorError(`the template ${path} is not an ordinary file`);
    if ((stats.mode & 0o002) !== 0) {
      throw new OperatorError(`everybody may write to the template ${path}: chmod o-w it`);
    }
    if (stats.size > parseLimit) throw new OperatorError(`the template ${path} is too long`);
    return readFileSync(path, "utf8");
  } catch (error) {
    throw diskError(`cannot read the template ${path}`, error);
  }
}

/** `files`: takes the path of each part that is read, by its text. */
async function makeEngine(
  { template, lines }: TemplateQuestion,
  files: Map<string, string>,
): Promise<Liquid> {
  const { Liquid: Engine, Value } = await import("liquidjs");
  const folder = dirname(resolve(template));
  const engine = new Engine({
    root: [folder],
    fs: templatesOf(folder, files),
    strictVariables: true,
    strictFilters: true,
    lenientIf: true,
    ownPropertyOnly: true,
    cache: false,
    parseLimit,
    renderLimit,
    memoryLimit,
  });
  for (const filter of Object.keys(engine.filters)) {
    if (/^date|sample/.test(filter)) delete engine.filters[filter];
  }
  engine.registerFilter("bracket", (ip: unknown) => {
    const address = plain("bracket", ip);
    return address.includes(":") ? `[${address}]` : address;
  });
  engine.registerFilter("host_port", (server: unknown) => {
    const { addr, port } = (typeof server === "object" && server !== null ? server : {}) as {
      addr?: unknown;
      port?: unknown;
    };
    if (typeof addr === "string" && typeof port === "number") return formatHostPort(addr, port);
    throw new Error("host_port stands behind a server: {{ s | host_port }}");
  });
  engine.registerFilter("quote", (word: unknown) => {
    return `"${plain("quote", word).replace(/[\\"]/g, "\\$&")}"`;
  });
  const names = new WeakMap<object, InstanceType<typeof Value>>();
  engine.registerTag("servers", {
    parse(token) {
      names.set(this, new Value(token.args, this.liquid));
    },
    *render(context) {
      const name: unknown = yield names.get(this)?.value(context);
      const own = lines.get(String(name));
      if (own === undefined) {
        throw new Error(
          `there is no pool ${oneLine(String(name), 40)}: ${[...lines.keys()].join(", ")}`,
        );
      }
      const [begin, end] = markersOf(String(name));
      return [begin, ...own, end].join(`\n${indentBefore(this.token)}`);
    },
  });
  return engine;
}

/** What stands before a tag on its line, if it is only indentation. */
function indentBefore(token: TagToken): string {
  const before = token.input.slice(0, token.begin);
  return /(?:^|\n)([ \t]*)$/.exec(before)?.[1] ?? "";
}

function plain(filter: string, value: unknown): string {
  if (typeof value === "number" || (typeof value === "string" && value !== "")) {
    const text = String(value);
    if (!/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text)) return text;
  }
  throw new Error(
    `${filter} stands behind one printable word, not behind ${oneLine(JSON.stringify(value) ?? "nothing", 40)}`,
  );
}

/** The files of the template's folder, and none outside, also by no link. */
function templatesOf(folder: string, files: Map<string, string>) {
  const never = (): never => {
    throw new InvariantError("templates are rendered without waiting");
  };
  return {
    exists: never,
    readFile: never,
    existsSync,
    readFileSync: (path: string) => {
      const text = readTemplate(path);
      files.set(text, path);
      return text;
    },
    resolve: (from: string, file: string, extension: string) => resolve(from, file + extension),
    dirname,
    sep,
    containsSync: (_root: string, path: string) =>
      existsSync(path) && realpathSync(path).startsWith(realpathSync(folder) + sep),
  };
}

function modelOf({ desired, generation }: TemplateQuestion): object {
  const pools = desired.pools.map(poolModel);
  return {
    pools,
    addresses: pools.flatMap(({ servers }) =>
      servers.map(({ node, addr }) => ({ host: node, ip: addr })),
    ),
    self: hostname(),
    version: desired.version,
    generation: generation ?? desired.version,
  };
}

function poolModel({ name, servers }: Pool) {
  const models = servers.map(serverModel);
  return {
    name,
    servers: models.filter(({ state }) => state === "ready"),
    others: models.filter(({ state }) => state !== "ready"),
  };
}

function serverModel({ node, ip, port, weight, admission, tags }: Server) {
  return {
    name: node,
    node,
    addr: ip,
    port,
    weight,
    state: admission === "out" ? "maint" : admission,
    tags: Object.fromEntries(templateTags(tags)),
  };
}

/** Who has not the tag that a template wants, and what to do about it: one member stops all others. */
function lackOf({ pools }: Desired, fault: string): string {
  const [, tag] = /undefined variable: .*?\btags\.([A-Za-z_][\w.-]*)$/.exec(fault) ?? [];
  if (tag === undefined) return "";
  const nodes = pools.flatMap(({ servers }) =>
    servers.filter(({ tags }) => !templateTags(tags).has(tag)).map(({ node }) => node),
  );
  const [first] = nodes;
  if (first === undefined) return "";
  const more = nodes.length === 1 ? "" : ` and ${nodes.length - 1} more`;
  return `: ${first}${more} has no tag ${tag} that can be printed; "required_tags": ["${tag}"] in the pool refuses such members, and {{ ... | default: "" }} does without`;
}

/** Where the fault is and what it is, without Liquid's excerpt of the lines around it. */
function faultIn(template: string, files: ReadonlyMap<string, string>, thrown: unknown): string {
  if (!(thrown instanceof Error) || !("token" in thrown)) {
    return `the template ${template}: ${oneLine(reasonOf(thrown))}`;
  }
  const { token, originalError, message } = thrown as LiquidError;
  const [line] = token.getPosition();
  const words = oneLine(originalError?.message ?? message).replace(/, (file:.*, )?line:.*$/, "");
  // Not all of Liquid's tokens know their file, but all know its text.
  const file = files.get(token.input) ?? token.file ?? template;
  return `${file === template ? template : `${template} (in ${basename(file)})`}, line ${line}: ${words}`;
}
