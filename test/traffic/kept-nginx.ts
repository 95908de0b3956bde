import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { BalancerConfig } from "../../src/lb/config.js";
import { decodeLbConfig } from "../../src/lb/config-file.js";
import { ConfigStore } from "../../src/lb/config-store.js";
import type { Desired, Observation, Pool, Server } from "../../src/lb/model.js";
import { openNginx } from "../../src/lb/nginx/nginx.js";
import type { Notes, Proxy } from "../../src/lb/proxy.js";
import { RecordedLog } from "../support/recorded-log.js";
import { Nginx, type NginxPlace, recommendedNginx } from "./support/nginx.js";

/** The usual file with a location that tells which configuration answers. */
export function nginxWithGeneration(place: NginxPlace): string {
  return recommendedNginx(place).replace(
    /\n\}\n$/,
    `
    server {
        listen ${place.ip}:${place.generationPort};
        location = /generation {
            # gossipd begin generation
            return 200 "none";
            # gossipd end generation
        }
    }
}
`,
  );
}

export interface KeptOptions {
  readonly ip: string;
  readonly text?: (place: NginxPlace) => string;
  /** Keys of the balancer's configuration that are not as usual. */
  readonly keys?: Readonly<Record<string, unknown>>;
  /** See the same of {@link Nginx.start}. */
  readonly generation?: boolean;
}

/** Notes that are as good as those on a disk. */
function memoryNotes(): Notes {
  const kept = new Map<string, string>();
  return {
    read: (key) => {
      const text = kept.get(key);
      return text === undefined ? undefined : (JSON.parse(text) as unknown);
    },
    write: (key, value) => {
      kept.set(key, JSON.stringify(value ?? null));
    },
  };
}

/** A real nginx and the rounds that keep its file and what it serves, one step after the other. */
export class KeptNginx {
  readonly nginx: Nginx;
  readonly config: BalancerConfig;
  readonly proxy: Proxy;
  readonly store: ConfigStore;
  readonly notes: Notes;

  private constructor(
    nginx: Nginx,
    config: BalancerConfig,
    proxy: Proxy,
    store: ConfigStore,
    notes: Notes,
  ) {
    this.nginx = nginx;
    this.config = config;
    this.proxy = proxy;
    this.store = store;
    this.notes = notes;
  }

  static async start(options: KeptOptions): Promise<KeptNginx> {
    const { ip, text = nginxWithGeneration, keys = {}, generation = true } = options;
    const nginx = await Nginx.start({ ip, text });
    onTestFinished(() => nginx.end());
    const state = mkdtempSync(join(tmpdir(), "gossipd-state-"));
    onTestFinished(() => rmSync(state, { recursive: true, force: true }));
    const { place } = nginx;
    const balancer = {
      config: place.config,
      kind: "nginx",
      ...(generation && { generation: `http://${ip}:${place.generationPort}/generation` }),
      pools: [{ name: "web", members: "role=web" }],
      ...keys,
    };
    const { balancers } = decodeLbConfig({ balancers: [balancer], state_dir: state }, "test");
    const [config] = balancers;
    if (config === undefined) throw new Error("no balancer");
    const notes = memoryNotes();
    const deps = { log: new RecordedLog(), now: () => performance.now(), notes };
    const proxy = openNginx(config, deps);
    const store = await ConfigStore.open({ file: config.file, folder: state, backups: 3 });
    return new KeptNginx(nginx, config, proxy, store, notes);
  }

  /** What is on the disk. */
  get text(): string {
    return readFileSync(this.nginx.place.config, "utf8");
  }

  /** One whole round; gives the observation after it. Throws as the steps do, having rolled back nothing. */
  async apply(servers: readonly Server[]): Promise<Observation> {
    const desired = desiredOf(servers);
    const before = await this.proxy.observe();
    const live = await this.store.read();
    const text = await this.proxy.render(live, desired, before);
    if (text !== live) {
      const staged = await this.store.stage(text);
      await this.proxy.check(staged, text, live).catch(async (error: unknown) => {
        await this.store.discard();
        throw error;
      });
      await this.store.commit();
    }
    if (this.proxy.plan(performance.now(), desired, text, before).reload !== undefined) {
      await this.proxy.reload(desired, text);
    }
    await this.store.confirm();
    return this.proxy.observe();
  }

  /** Why it should be reloaded as it is, or undefined. */
  async reasonToReload(servers: readonly Server[]): Promise<string | undefined> {
    const desired = desiredOf(servers);
    const observed = await this.proxy.observe();
    const text = await this.proxy.render(await this.store.read(), desired, observed);
    return this.proxy.plan(performance.now(), desired, text, observed).reload;
  }
}

export function serverAt(
  node: string,
  ip: string,
  port: number,
  more: Partial<Server> = {},
): Server {
  const usual = { weight: 100, admission: "ready", cause: "alive", tags: new Map() } as const;
  return { node, ip, port, ...usual, ...more };
}

function desiredOf(servers: readonly Server[], name = "web"): Desired {
  const pools: Pool[] = [{ name, servers }];
  return { pools, version: "0123456789ab", refused: [], holds: [], frozen: false };
}
