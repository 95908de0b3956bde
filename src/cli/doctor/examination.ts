import type { Finding } from "../../examine/finding.js";
import type { AgentPlan } from "./plan.js";

/** What is to be looked at, and as whom. */
export interface Examination {
  readonly plan: AgentPlan;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly proxyConfigs: readonly string[];
  readonly keepalived: string | undefined;
  readonly services: readonly string[];
  readonly tries: boolean;
  readonly timeout: number;
}

/** Something that is looked at beside others, and what it is called if it is not finished in time. */
export type Part = readonly [title: string, findings: Promise<readonly Finding[]>];
