import { describe, expect, test } from "vitest";
import { serversOf } from "../../src/lb/haproxy/config-servers.js";
import { ConfigText } from "../../src/lb/haproxy/config-text.js";
import { filterStates } from "../../src/lb/haproxy/state-filter.js";
import type { Admission } from "../../src/lb/model.js";

/** As HAProxy 2.6 names the columns. */
const header =
  "# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port";

interface State {
  readonly name?: string;
  readonly addr?: string;
  readonly port?: number;
  readonly op?: number;
  readonly admin?: number;
  readonly weights?: string;
  readonly fqdn?: string;
}

function rowOf({ name = "s01", addr = "10.0.0.1", port = 80, op = 2, ...more }: State): string {
  const { admin = 0, weights = "100 100", fqdn = "-" } = more;
  return `3 web 1 ${name} ${addr} ${op} ${admin} ${weights} 10 6 3 4 6 0 0 0 ${fqdn} ${port} - 0 0 - - 0`;
}

function filtered(line: string, admission: Admission | undefined, ...states: State[]) {
  const config = new ConfigText(`backend web\n  ${line}\n`, {});
  const targets = serversOf(config).map((server) => ({ ...server, admission }));
  const text = filterStates(["1", header, ...states.map(rowOf), ""].join("\n"), targets);
  return text?.split("\n").slice(2, -1);
}

const ready = "server s01 10.0.0.1:80 weight 100 check";
const disabled = "server s01 10.0.0.1:80 weight 100 check disabled";
const unchecked = "server s01 10.0.0.1:80 weight 100";

describe("of our servers", () => {
  test.for<[string, string, Admission, State, State | undefined]>([
    ["what is as it should be passes", ready, "ready", {}, {}],
    ["what is down stays down", ready, "ready", { op: 0 }, { op: 0 }],
    ["another address begins anew", ready, "ready", { addr: "10.0.0.2" }, undefined],
    ["another port begins anew", ready, "ready", { port: 81 }, undefined],
    ["a slot that was enabled at run time is enabled", ready, "ready", { admin: 4 }, {}],
    ["a drain that was taken back is over", ready, "ready", { admin: 8 }, {}],
    ["maintenance that was taken back is over", ready, "ready", { admin: 1, op: 0 }, undefined],
    ["what nobody checks is not down for ever", unchecked, "ready", { op: 0 }, undefined],
    ["what was ready and is drained by now drains", disabled, "drain", {}, { admin: 12 }],
    [
      "a drain goes on, though the file says disabled",
      disabled,
      "drain",
      { admin: 8 },
      { admin: 12 },
    ],
    ["what is out does not come back by an old line", disabled, "out", { admin: 4 }, undefined],
    ["the weight is that of the file", ready, "ready", { weights: "10 20" }, {}],
  ])("%s", ([_, line, admission, before, after]) => {
    expect(filtered(line, admission, before)).toEqual(
      after === undefined ? undefined : [rowOf(after)],
    );
  });
});

describe("of servers that others wrote", () => {
  test("what an operator did to them stays", () => {
    for (const state of [{ admin: 1, op: 0 }, { admin: 8 }, { weights: "10 100" }]) {
      expect(filtered(unchecked, undefined, state)).toEqual([rowOf(state)]);
    }
  });

  test("another address is not taken over", () => {
    expect(filtered(ready, undefined, { addr: "10.0.0.2" })).toBeUndefined();
  });

  test("a name is known by its name", () => {
    const line = "server s01 web.example:80 check";
    expect(filtered(line, undefined, { fqdn: "web.example" })).toHaveLength(1);
    expect(filtered(line, undefined, { fqdn: "old.example" })).toBeUndefined();
  });
});

test("servers that the new file does not have are left out, and nothing at all is no file", () => {
  expect(filtered(ready, "ready", { name: "gone" })).toBeUndefined();
  expect(filtered(ready, "ready", { name: "gone" }, {})).toEqual([rowOf({})]);
});

test("what is no answer to that question is not handed over", () => {
  expect(filterStates("", [])).toBeUndefined();
  expect(filterStates("Permission denied", [])).toBeUndefined();
  expect(filterStates(`2\n${header}\n${rowOf({})}\n`, [])).toBeUndefined();
});
