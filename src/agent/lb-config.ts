import { dirname, resolve } from "node:path";
import { OperatorError } from "../base/errors.js";
import type { LbConfig } from "../lb/config.js";
import type { Config } from "./config.js";
import { describeSource } from "./sources.js";

/**
 * What `-lb` or the section `load_balancer` says; undefined without either, and then nothing of the load
 * balancer's part is loaded. Rejects with {@link OperatorError}, a line for each fault.
 */
export async function lbConfigOf({ origins, settings }: Config): Promise<LbConfig | undefined> {
  const { lbFile, loadBalancer } = settings;
  if (lbFile === "" && loadBalancer === undefined) return undefined;
  if (lbFile !== "" && loadBalancer !== undefined) {
    const [one, other] = [origins.lbFile, origins.loadBalancer].map(describeSource);
    throw new OperatorError(
      `-lb (lb_file) and load_balancer say the same thing, only one may be given (${one}, ${other})`,
    );
  }
  const { decodeLbConfig, readLbConfig } = await import("../lb/config-file.js");
  if (lbFile !== "") return readLbConfig(lbFile);
  const { loadBalancer: source } = origins;
  // A program that starts an agent gives it without saying from where.
  if (source.kind === "default") return decodeLbConfig(loadBalancer, "loadBalancer");
  if (source.kind !== "file") return decodeLbConfig(loadBalancer, describeSource(source));
  const folder = dirname(resolve(source.name));
  return decodeLbConfig(loadBalancer, `${source.name}: load_balancer`, folder);
}
