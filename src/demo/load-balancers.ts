import { OperatorError } from "../base/errors.js";
import { startBuiltin } from "./builtin.js";
import type { Children } from "./children.js";
import { startHaproxy } from "./haproxy.js";
import type { Listen, LoadBalancer } from "./load-balancer.js";
import { startNginx } from "./nginx.js";
import type { ProxyName } from "./options.js";
import type { Workshop } from "./workshop.js";

/** Starts the proxy called `name`. Throws OperatorError if it is not installed or does not start. */
export async function startLoadBalancer(
  name: ProxyName,
  children: Children,
  workshop: Workshop,
  listen: Listen,
  tell: (who: string, text: string) => void,
): Promise<LoadBalancer> {
  const installed = (wanted: ProxyName) =>
    name === wanted || name === "auto" ? workshop.find(wanted) : undefined;
  const haproxy = installed("haproxy");
  if (haproxy !== undefined) return startHaproxy(haproxy, children, workshop, listen);
  const nginx = installed("nginx");
  if (nginx !== undefined) return startNginx(nginx, children, workshop, listen);
  if (name === "haproxy" || name === "nginx") {
    throw new OperatorError(`--proxy ${name}: ${name} is not installed`);
  }
  if (name === "auto")
    tell("demo", "neither haproxy nor nginx is installed: taking its own balancer");
  return startBuiltin(children, workshop, listen);
}
