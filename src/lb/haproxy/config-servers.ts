import type { ConfigText, Directive, Section } from "./config-text.js";
import { canonicalIp } from "./server-lines.js";

/** A server of the file, whoever wrote its line. */
export interface ConfigServer {
  readonly backend: string;
  readonly name: string;
  /** As it is written, without brackets: an address or a name. */
  readonly host: string;
  /** In its canonical form; undefined if {@link host} is a name. */
  readonly ip: string | undefined;
  /** 0 if there is none: then it is the one that the client asked for. */
  readonly port: number;
  readonly weight: number | undefined;
  /** HAProxy's own checks, each needing a file descriptor. */
  readonly checked: boolean;
  readonly agentChecked: boolean;
  readonly disabled: boolean;
}

/** Of one `server-template`; more are not looked at. */
const mostOfTemplate = 10_000;

/** Every server of the file, with what it has from `default-server` lines before it. */
export function serversOf(config: ConfigText): readonly ConfigServer[] {
  return config.backends.flatMap((section) => {
    const settings = new ServerSettings(section.defaults);
    return section.directives.flatMap((directive) => readServers(section, directive, settings));
  });
}

function readServers(
  section: Section,
  { words }: Directive,
  settings: ServerSettings,
): readonly ConfigServer[] {
  const [keyword, first = "", second = "", third = ""] = words;
  if (keyword === "default-server") settings.add(words.slice(1));
  if (keyword === "server") {
    const own = settings.with(words.slice(3));
    return [{ backend: section.name, name: first, ...readWhere(second), ...own }];
  }
  if (keyword !== "server-template") return [];
  const own = settings.with(words.slice(4));
  const [from = 1, to = from] = second.split("-").map(Number);
  const start = second.includes("-") ? from : 1;
  const count = Math.min(to - start + 1, mostOfTemplate);
  if (!(count >= 1)) return [];
  return Array.from({ length: count }, (_, index) => ({
    backend: section.name,
    name: `${first}${start + index}`,
    ...readWhere(third),
    ...own,
  }));
}

function readWhere(where: string): Pick<ConfigServer, "host" | "ip" | "port"> {
  const plain = where.replace(/^(ipv4|ipv6|tcp|tcp4|tcp6)@/, "");
  const [, bracketed, bare, port = "0"] =
    /^(?:\[([^\]]*)\]|(.*?))(?::\+?(\d+))?$/.exec(plain) ?? [];
  const host = bracketed ?? bare ?? "";
  return { host, ip: canonicalIp(host), port: Number(port) };
}

type Settings = Pick<ConfigServer, "weight" | "checked" | "agentChecked" | "disabled">;

/** What `default-server` lines have said so far. */
class ServerSettings {
  #current: Settings = { weight: undefined, checked: false, agentChecked: false, disabled: false };

  constructor(defaults: Section | undefined) {
    for (const { words } of defaults?.directives ?? []) {
      if (words[0] === "default-server") this.add(words.slice(1));
    }
  }

  add(words: readonly string[]): void {
    this.#current = this.with(words);
  }

  with(words: readonly string[]): Settings {
    let settings = this.#current;
    for (const [index, word] of words.entries()) {
      if (word === "check" || word === "no-check") {
        settings = { ...settings, checked: word === "check" };
      } else if (word === "agent-check" || word === "no-agent-check") {
        settings = { ...settings, agentChecked: word === "agent-check" };
      } else if (word === "disabled" || word === "enabled") {
        settings = { ...settings, disabled: word === "disabled" };
      } else if (word === "weight") {
        settings = { ...settings, weight: Number(words[index + 1]) };
      }
    }
    return settings;
  }
}
