import { OperatorError } from "../base/errors.js";
import type { BalancerConfig } from "./config.js";
import type { Proxy, ProxyDeps } from "./proxy.js";

/** The proxy behind a balancer. Each kind is loaded when it is asked for. */
export async function openProxy(config: BalancerConfig, deps: ProxyDeps): Promise<Proxy> {
  switch (config.proxy.kind) {
    case "nginx": {
      const { openNginx } = await import("./nginx/nginx.js");
      return openNginx(config, deps);
    }
    case "command": {
      const { openCommand } = await import("./command.js");
      return openCommand(config, deps);
    }
    case "haproxy":
      throw new OperatorError(`balancer ${config.name}: ${config.proxy.kind} is not built yet`);
  }
}
