import type { Millis } from "../base/units.js";
import type { BalancerConfig } from "./config.js";
import type { LbHost, Preview } from "./load-balancer.js";
import type { View } from "./model.js";
import { Policy } from "./policy.js";
import { recall } from "./policy-memory.js";
import { Prober, probeService } from "./probe.js";
import type { Notes, Proxy } from "./proxy.js";
import type { FileStore } from "./sync-deps.js";

/** Services that are asked for are waited for, so many times so long. */
const looks = 100;
const lookEvery: Millis = 20;

/** What would be done for a view: members, services and the proxy are asked, nothing is changed. */
export async function previewOf(
  config: BalancerConfig,
  host: LbHost,
  own: { readonly proxy: Proxy; readonly store: FileStore; readonly notes: Notes },
  view: View,
): Promise<Preview> {
  const { proxy, store, notes } = own;
  const { memory, age } = recall(notes, host);
  const policy = new Policy(config, { settleTime: 0, settleLimit: 0 }, memory, age);
  const after = (delay: Millis, run: () => void) => host.after(delay, run);
  const probe = host.probe ?? probeService;
  const prober = new Prober({ now: () => host.now(), after, probe }, () => {});
  try {
    const joined = { ...view, joined: true };
    let { desired, questions } = policy.decide(host.now(), joined, prober);
    prober.ask(questions);
    for (let look = 0; look < looks && prober.isOpen; look += 1) {
      await new Promise<void>((resolve) => {
        host.after(lookEvery, resolve);
      });
      ({ desired, questions } = policy.decide(host.now(), joined, prober));
      prober.ask(questions);
    }
    const observation = await proxy.observe();
    const before = await store.read();
    const text = await proxy.render(before, desired, observation);
    const plan = proxy.plan(host.now(), desired, text, observation);
    const { name: balancer, file } = config;
    return { balancer, file, before, after: text, desired, plan, observation };
  } finally {
    prober.stop();
  }
}
