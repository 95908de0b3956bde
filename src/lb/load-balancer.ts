import { join } from "node:path";
import { OperatorError, reasonOf } from "../base/errors.js";
import type { Log } from "../base/log.js";
import { type Instant, type Millis, seconds } from "../base/units.js";
import type { Applied } from "../observe/deed.js";
import { Audit } from "./audit.js";
import { Balancer, type Own, type Shared } from "./balancer.js";
import type { BalancerConfig, LbConfig, VirtualIpConfig } from "./config.js";
import { ConfigStore } from "./config-store.js";
import type { PolicyOrder, ProbeQuestion } from "./decision.js";
import { limited } from "./limited.js";
import type { Desired, LbMember, Observation, Plan, View } from "./model.js";
import { probeService } from "./probe.js";
import { openProxy } from "./proxies.js";
import type { Proxy, ProxyDeps } from "./proxy.js";
import { ReadOnlyFile } from "./read-only-file.js";
import { StateDir } from "./state-dir.js";
import type { BalancerStatus, LbStatus } from "./status.js";
import { StatusFile } from "./status-file.js";
import { canServe, TrackFile, trackValue } from "./track-file.js";
import { Turn } from "./turn.js";
import { InterfaceAddress, type MovingAddress } from "./vip/interface-address.js";
import { type Move, VirtualIp } from "./vip/virtual-ip.js";

/** All that the load balancer's part needs of the process around it. */
export interface LbHost {
  readonly log: Log;
  now(): Instant;
  /** ISO 8601 in UTC. */
  wallClock(): string;
  /** Runs `run` once after `delay`; the function that comes back takes it off. */
  after(delay: Millis, run: () => void): () => void;
  /** Called after each round that changed something, failed for a new reason, or recovered. */
  readonly noteRound?: (round: Applied) => void;
  /**
   * Tells the cluster how we stand to the address that moves between balancers, in our tag `vip`.
   * Without it there is no such address.
   */
  readonly claim?: (text: string) => void;
  /** Instead of the machine's own interfaces, for tests. */
  readonly address?: (config: VirtualIpConfig) => MovingAddress;
  /** Instead of {@link openProxy}, for tests. */
  readonly proxies?: (config: BalancerConfig, deps: ProxyDeps) => Proxy;
  /** Instead of real probes, for tests: whether the service answers. */
  readonly probe?: (question: ProbeQuestion) => Promise<boolean>;
  /** Called at each boundary between two steps, for tests that end the process there. */
  readonly checkpoint?: (name: string) => void;
}

/** What a balancer can be told. `balancer`: only that one; without it all. */
export type BalancerOrder = (PolicyOrder | { readonly kind: "pause" | "resume" | "apply" }) & {
  readonly balancer?: string;
};

/** `prefer`: this node should hold the shared address; undefined: nobody is preferred any more. */
export type LbOrder =
  | BalancerOrder
  | { readonly kind: "prefer"; readonly node: string | undefined; readonly balancer?: string };

/** What {@link LoadBalancer.once} came to. */
export interface OnceResult {
  /** Every balancer is in step with the view. */
  readonly ok: boolean;
  readonly balancers: readonly BalancerStatus[];
}

/** What would be done for a view, and nothing of it is. */
export interface Preview {
  readonly balancer: string;
  readonly file: string;
  /** undefined: there is no file. */
  readonly before: string | undefined;
  readonly after: string;
  readonly desired: Desired;
  readonly plan: Plan;
  readonly observation: Observation;
}

/** What one balancer says of a node that wants to stop. `unknown`: the proxy cannot be asked. */
export interface DrainAnswer {
  readonly balancer: string;
  readonly node: string;
  readonly state: "out" | "draining" | "serving" | "unknown";
  /** Requests or sessions under way on it. */
  readonly inUse: number;
}

export { StateInUseError } from "./state-in-use.js";

/** How long others go before, for each balancer whose name sorts before; see {@link turnOf}. */
const staggerStep: Millis = 500;

/** Further ones share the turns, so that nobody waits too long. */
const maxTurns = 4;

/** A reload of another balancer of this process is waited for, but one that hangs only so long. */
const turnLimit: Millis = seconds(2);

/** Keeps the proxies of one configuration in step with the cluster. */
export class LoadBalancer {
  readonly #config: LbConfig;
  readonly #host: LbHost;
  readonly #folder: StateDir;
  readonly #audit: Audit;
  readonly #statusFile: StatusFile;
  readonly #balancers: readonly Balancer[];
  readonly #trackFile: TrackFile | undefined;
  readonly #virtualIp: VirtualIp | undefined;
  /** Who should hold the shared address. */
  #preferred: string | undefined;
  #view: View | undefined;

  private constructor(
    config: LbConfig,
    host: LbHost,
    purpose: "keep" | "look",
    folder: StateDir,
    opened: readonly { readonly config: BalancerConfig; readonly own: Own }[],
    statusFile: (status: () => LbStatus) => StatusFile,
  ) {
    this.#config = config;
    this.#host = host;
    this.#folder = folder;
    this.#audit = new Audit(join(folder.path, "audit.jsonl"), host.log);
    this.#statusFile = statusFile(() => this.status());
    const { trackFile } = config;
    if (trackFile !== undefined) this.#trackFile = new TrackFile(trackFile, host.log);
    const reloads = new Turn((before) =>
      limited(before, turnLimit, "another reload", host).catch(() => undefined),
    );
    const shared: Shared = {
      config,
      host,
      purpose,
      audit: this.#audit,
      reloadTurn: (reload) => reloads.run(reload),
      changed: () => {
        this.#statusFile.touch();
        this.#track();
        this.#virtualIp?.reconsider();
      },
    };
    this.#balancers = opened.map((one) => new Balancer(one.config, shared, one.own));
    if (purpose === "keep") this.#virtualIp = this.#openVirtualIp();
  }

  #openVirtualIp(): VirtualIp | undefined {
    const { settleTime, virtualIp } = this.#config;
    const { claim, probe = probeService, noteRound } = this.#host;
    const { log } = this.#host;
    if (virtualIp === undefined || claim === undefined) return undefined;
    const note = (move: Move): void => noteRound?.(appliedBy(virtualIp, move));
    return new VirtualIp(
      virtualIp,
      this.#host.address?.(virtualIp) ?? new InterfaceAddress(virtualIp, log),
      {
        log,
        now: () => this.#host.now(),
        wallClock: () => this.#host.wallClock(),
        after: (delay, run) => this.#host.after(delay, run),
        claim,
        probe,
        note,
      },
      settleTime,
      () => canServe(this.#balancers.map((balancer) => balancer.status())),
      () => this.#statusFile.touch(),
    );
  }

  /**
   * Takes the state folder, repairs what a crash left and watches from then on. Throws
   * {@link StateInUseError} if another process has it, and OperatorError if it cannot be made, or a file
   * has no markers.
   *
   * Only to `look` it takes and writes nothing, so that it can {@link preview} beside whoever keeps it.
   */
  static async open(
    config: LbConfig,
    host: LbHost,
    purpose: "keep" | "look" = "keep",
  ): Promise<LoadBalancer> {
    const { stateDir } = config;
    const keeps = purpose === "keep";
    const folder = keeps
      ? await StateDir.open(stateDir, host.log)
      : StateDir.look(stateDir, host.log);
    try {
      const opened = [];
      for (const balancer of config.balancers) {
        const own = await openOwn(balancer, host, folder, keeps);
        opened.push({ config: balancer, own });
      }
      const path = keeps ? join(stateDir, "status.json") : undefined;
      return new LoadBalancer(
        config,
        host,
        purpose,
        folder,
        opened,
        (status) => new StatusFile(path, host, status),
      );
    } catch (error) {
      await folder.close();
      throw error;
    }
  }

  /** Tells of the cluster as it is now; returns at once. */
  update(view: View): void {
    this.#view = view;
    const names = this.#config.balancers.map(({ name }) => name);
    for (const balancer of this.#balancers) {
      const turn = turnOf(view, names, balancer.config.name);
      balancer.update(view, (turn % maxTurns) * staggerStep);
    }
    this.#track();
    this.#virtualIp?.update(view);
  }

  /**
   * Brings everything in step with one view, without warm-up; resolves then, when a balancer failed, or
   * at the limit.
   */
  async once(view: View, limit: Millis): Promise<OnceResult> {
    this.#view = view;
    const until = this.#host.now() + limit;
    await Promise.all(this.#balancers.map((balancer) => balancer.once(view, until)));
    await this.#statusFile.write();
    const { balancers } = this.status();
    const ok = balancers.every(
      (one) => one.ok && (one.dryRun || (one.applied !== null && one.applied === one.version)),
    );
    return { ok, balancers };
  }

  /** What would be done for `view`. Throws OperatorError when a file cannot be rendered. */
  async preview(view: View): Promise<readonly Preview[]> {
    this.#view = view;
    const previews = [];
    for (const balancer of this.#balancers) previews.push(await balancer.preview(view));
    return previews;
  }

  /**
   * Whether `node` may stop: one answer per balancer. Another balancer may not while it has the address
   * that this one is about to take.
   */
  drained(node: string): readonly DrainAnswer[] {
    const answers = this.#balancers.map((balancer) => balancer.drained(node));
    if (this.#virtualIp?.isToTakeFrom(node) !== true) return answers;
    return answers.map((answer) => ({ ...answer, state: "serving" }));
  }

  /** Does what an operator asks for; says in one line what was done. Throws OperatorError. */
  order(order: LbOrder): string {
    if (order.kind === "prefer") return this.#prefer(order.node);
    const named = this.#balancers.filter(
      ({ config }) => order.balancer === undefined || config.name === order.balancer,
    );
    if (named.length === 0) {
      const names = this.#balancers.map(({ config }) => config.name).join(", ");
      throw new OperatorError(`there is no balancer ${order.balancer}, but ${names}`);
    }
    const done: string[] = [];
    const refused: OperatorError[] = [];
    for (const balancer of named) {
      try {
        done.push(balancer.order(order));
      } catch (error) {
        if (!(error instanceof OperatorError)) throw error;
        refused.push(error);
      }
    }
    const [first] = refused;
    // A pool of one balancer means nothing to the others.
    if (done.length === 0 && first !== undefined) throw first;
    return done.join("; ");
  }

  #prefer(node: string | undefined): string {
    if (this.#virtualIp !== undefined) return this.#virtualIp.prefer(node);
    if (this.#trackFile === undefined) {
      throw new OperatorError(
        "neither virtual_ip nor track_file is configured: no address is shared",
      );
    }
    this.#preferred = node;
    this.#track();
    if (node === undefined) return "nobody is preferred as the holder of the address";
    return node === this.#view?.self ? "takes the address" : `leaves the address to ${node}`;
  }

  #track(): void {
    const isPreferred = this.#preferred !== undefined && this.#preferred === this.#view?.self;
    // Called by the balancers while they are made as well.
    const balancers = this.#balancers?.map((balancer) => balancer.status()) ?? [];
    this.#trackFile?.set(trackValue(balancers, isPreferred, this.#isUnwilling()));
  }

  /** The operator, or an end that is near, wants no requests here. */
  #isUnwilling(): boolean {
    const own = this.#view?.members.find(({ name }) => name === this.#view?.self);
    const state = own?.tags.get("state");
    return state === "draining" || state === "maint";
  }

  status(): LbStatus {
    return {
      at: this.#host.wallClock(),
      keeper: this.#statusFile.keeper(),
      self: this.#view?.self ?? "",
      joined: this.#view?.joined ?? false,
      virtualIp: this.#virtualIp?.status() ?? null,
      balancers: this.#balancers.map((balancer) => balancer.status()),
    };
  }

  /** Ends what runs and waits for it; the proxies go on as they are. */
  async stop(): Promise<void> {
    this.#virtualIp?.stop();
    await Promise.all(this.#balancers.map((balancer) => balancer.stop()));
    await this.#statusFile.stop();
    await this.#audit.written();
    try {
      await this.#folder.close();
    } catch (error) {
      // A disk that is full keeps nobody from ending: the lock of a process that is gone is none.
      this.#host.log.warn(
        { folder: this.#folder.path, error: reasonOf(error) },
        "lock not released",
      );
    }
  }
}

async function openOwn(
  config: BalancerConfig,
  host: LbHost,
  folder: StateDir,
  keeps: boolean,
): Promise<Own> {
  const notes = await folder.notes(`notes-${encodeURIComponent(config.name)}`);
  const deps: ProxyDeps = { log: host.log, now: () => host.now(), notes };
  const proxy = host.proxies?.(config, deps) ?? (await openProxy(config, deps));
  const own = folder.folderOf(config.name);
  const { file, backups } = config;
  if (!keeps) return { proxy, store: new ReadOnlyFile(file), notes, folder: own };
  const store = await ConfigStore.open({ file, folder: own, backups });
  if (store.recovered !== undefined) {
    host.log.warn({ balancer: config.name, recovered: store.recovered }, "file was repaired");
  }
  return { proxy, store, notes, folder: own };
}

/** A move of the address as `gossipd why` and the live page show what balancers do. */
function appliedBy({ address }: VirtualIpConfig, { what, reason, other }: Move): Applied {
  const nodes = other === undefined ? [] : [other];
  return {
    kind: "applied",
    balancer: "virtual-ip",
    way: what === "failed" ? "none" : "runtime",
    took: 0,
    cause: `${address} ${what}: ${reason}`,
    nodes,
    count: nodes.length,
    ...(what === "failed" && { failure: reason }),
  };
}

/**
 * How many balancers reload before this one, when all want to at the same time: by the names of their
 * members and their own, which all of them know by the tag `balancer`. So not all are disturbed at once,
 * and a file that is wrong is found by the first.
 */
function turnOf(view: View, own: readonly string[], name: string): number {
  const known = view.members
    .filter(({ status, tags }) => status === "alive" && tags.has("balancer"))
    .flatMap((member) => namesOf(member).map((one) => `${member.name}\n${one}`));
  const all = new Set([...known, ...own.map((one) => `${view.self}\n${one}`)]);
  const mine = `${view.self}\n${name}`;
  return [...all].filter((one) => one < mine).length;
}

function namesOf(member: LbMember): readonly string[] {
  return (member.tags.get("balancer") ?? "").split(",").slice(0, maxTurns);
}
