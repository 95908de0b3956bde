import { resolveBind, splitHostPort, splitRpcAddress } from "../../agent/addresses.js";
import { handlerKey, parseHandler } from "../../agent/any-handler.js";
import { checkConfig } from "../../agent/config-check.js";
import { resolveTargets } from "../../agent/join-targets.js";
import { loadKeyring } from "../../agent/keyring-file.js";
import { lbConfigOf } from "../../agent/lb-config.js";
import { probeReach, type ReachProbe } from "../../agent/reach-probe.js";
import { formatAddress, formatIp, parseIp } from "../../base/address.js";
import { OperatorError } from "../../base/errors.js";
import { seconds } from "../../base/units.js";
import type { Arguments, Command, OptionSpec, Terminal } from "../command.js";
import { examine } from "../doctor/examine.js";
import type { HandlerSetup } from "../doctor/handlers.js";
import type { AgentPlan } from "../doctor/plan.js";
import { diagnosisJson, diagnosisText, exitCodeOf } from "../doctor/report.js";
import { formatOption, outputFormat } from "../output.js";
import { agentOptions, givenToAgent } from "./agent.js";

const defaultTimeout = seconds(30);

const ownOptions: readonly OptionSpec[] = [
  {
    flag: "proxy-config",
    kind: "text",
    placeholder: "FILE",
    value: "path",
    repeatable: true,
    help: "The configuration file of an HAProxy or nginx that is kept by an event handler or by nobody. Without it those count that the agent's handlers name.",
  },
  {
    flag: "keepalived",
    kind: "text",
    placeholder: "FILE",
    value: "path",
    help: "The configuration file of a keepalived that moves a shared address.",
  },
  {
    flag: "service",
    kind: "text",
    placeholder: "COMMAND",
    repeatable: true,
    help: "The command line that starts a service on this machine: names the program, the files and the folders that are missing for it, and whether its port is open.",
  },
  {
    flag: "try",
    kind: "switch",
    help: "Start each service that does not listen for at most 3 s, and show what it says.",
  },
  {
    flag: "rpc-auth",
    kind: "text",
    placeholder: "TOKEN",
    help: "The token that the agent asks for. Otherwise that of its configuration counts, then SERF_RPC_AUTH.",
  },
  {
    flag: "timeout",
    kind: "duration",
    placeholder: "DURATION",
    help: "What has not been checked then is left out. Default 30s.",
  },
  { flag: "verbose", kind: "switch", help: "List what is well and what was skipped, too." },
  formatOption,
];

export const doctorCommand: Command = {
  name: "doctor",
  usage: "[options] [agent options]",
  about:
    "Looks for what keeps the cluster and its load balancers from working, and says for each fault the cause and the remedy; the likeliest root comes first. It asks the agent at -rpc-addr, and checks the configuration that an agent would have with these flags and files: ports, members to join, keys, handlers, load balancer. Nothing is changed. The exit code is 0 if no fault was found, 1 if one was, and 2 if that cannot be told.",
  options: [...ownOptions, ...agentOptions],
  epilogue: `Examples:

  The agent on this machine, and all that it has to do with:
    gossipd doctor
  Before it is started:
    gossipd doctor -config-file agent.json
  Clients get 503 from an HAProxy:
    gossipd doctor -proxy-config /etc/haproxy/haproxy.cfg
  A service does not start:
    gossipd doctor -service '/opt/app/bin/server --config /etc/app.yaml'`,
  run: async (args, terminal) => {
    const format = outputFormat(args);
    const plan = await planOf(args, terminal);
    const timeout = args.duration("timeout") ?? defaultTimeout;
    const diagnosis = await examine({
      plan,
      env: terminal.env,
      folder: process.cwd(),
      proxyConfigs: args.texts("proxy-config"),
      keepalived: args.text("keepalived"),
      services: args.texts("service"),
      tries: args.switched("try") ?? false,
      timeout,
    });
    const isVerbose = args.switched("verbose") ?? false;
    terminal.out(
      format === "json" ? diagnosisJson(diagnosis) : diagnosisText(diagnosis, isVerbose),
    );
    return exitCodeOf(diagnosis);
  },
};

/** How long a ping to a member to join may take. */
const probeTimeout = seconds(1);

async function planOf(args: Arguments, terminal: Terminal): Promise<AgentPlan> {
  const given = givenToAgent(args, terminal);
  const { config, faults } = await checkConfig(given);
  const { origins, settings } = config;
  const bind = await orNothing(() => resolveBind(settings));
  const keyring = await orNothing(async () => loadKeyring(settings));
  const isDefault = origins.rpcAddr.kind === "default";
  const rpc = isDefault
    ? undefined
    : await orNothing(async () => splitRpcAddress(settings.rpcAddr));
  const isGiven = isAboutAgent(given.flags, terminal.env);
  return {
    isGiven,
    faults: isGiven ? faults : [],
    warnings: isGiven ? config.warnings : [],
    rpc: rpc && { host: clientHost(rpc.host), port: rpc.port },
    rpcAuth: args.text("rpc-auth") ?? (settings.rpcAuth || undefined),
    gossip: bind && { host: formatIp(bind.address.ip), port: bind.address.port },
    handlers: setupsOf(settings.eventHandlers),
    handlerTexts: settings.eventHandlers,
    seeds: [...settings.startJoin, ...settings.retryJoin],
    encrypted: keyring !== undefined,
    lb: await orNothing(() => lbConfigOf(config)),
    parseHandlers: setupsOf,
    resolveSeed: async (seed) => {
      const { failures, targets } = await resolveTargets([seed], bind?.address.port ?? 7_946);
      return targets.length === 0
        ? failures.join("; ")
        : targets.map(({ address }) => formatAddress(address));
    },
    probe: (address, plain) => probeAt(address, plain ? undefined : keyring),
  };
}

/** Whether they say more than where the agent takes commands. */
function isAboutAgent(flags: readonly { readonly flag: string }[], env: Terminal["env"]): boolean {
  const isRpc = (name: string): boolean => /rpc[-_](addr|auth)$/i.test(name);
  const variables = Object.keys(env).filter(
    (name) => name.startsWith("GOSSIPD_") && env[name] !== "",
  );
  return [...flags.map(({ flag }) => flag), ...variables].some((name) => !isRpc(name));
}

/** Of what cannot be had the faults tell. */
async function orNothing<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (thrown) {
    if (!(thrown instanceof OperatorError)) throw thrown;
    return undefined;
  }
}

function clientHost(host: string): string {
  if (host === "" || host === "0.0.0.0") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

/** Several filters before one script are one handler here. */
function setupsOf(texts: readonly string[]): readonly HandlerSetup[] {
  const filters = new Map<string, string[]>();
  for (const text of texts) {
    try {
      for (const spec of parseHandler(text)) {
        const known = filters.get(spec.script) ?? [];
        filters.set(spec.script, [...known, handlerKey(spec).replace(/:$/, "")]);
      }
    } catch (thrown) {
      if (!(thrown instanceof OperatorError)) throw thrown;
    }
  }
  return [...filters].map(([script, names]) => ({ filters: names, script }));
}

async function probeAt(address: string, keyring: ReachProbe["keyring"]) {
  const { host, port = 7_946 } = splitHostPort(address);
  const ip = parseIp(host) ?? new Uint8Array(4);
  return await probeReach({ address: { ip, port }, keyring, timeout: probeTimeout });
}
