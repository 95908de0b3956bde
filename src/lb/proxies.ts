import type { BalancerConfig } from "./config.js";
import type { Proxy, ProxyDeps } from "./proxy.js";

/** The proxy behind a balancer. Each kind is loaded when it is asked for. */
export async function openProxy(config: BalancerConfig, deps: ProxyDeps): Promise<Proxy> {
  switch (config.proxy.kind) {
    case "haproxy": {
      const { openHaproxy } = await import("./haproxy/haproxy.js");
      return openHaproxy(config, deps);
    }
    case "nginx": {
      const { openNginx } = await import("./nginx/nginx.js");
      return openNginx(config, deps);
    }
    case "command": {
      const { openCommand } = await import("./command.js");
      return openCommand(config, deps);
    }
  }
}
