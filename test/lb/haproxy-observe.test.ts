import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { questionsAbout, type RuntimePool, readObservation } from "../../src/lb/haproxy/observe.js";
import { parseServerLines } from "../../src/lb/haproxy/server-lines.js";

const info =
  "Name: HAProxy\nVersion: 2.6.12\nPid: 17500\nUptime_sec: 3\nStart_time_sec: 1795294210";

/** As HAProxy 2.6.12 answered, columns and all. */
const stateHead =
  "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port";

function stateOf(name: string, ip: string, operation: number, admin: number): string {
  return `3 web 1 ${name} ${ip} ${operation} ${admin} 55 1 7 8 2 0 6 0 0 0 - 8080 - 0 0 - - 0`;
}

const statHead = "# pxname,svname,qcur,qmax,scur,smax,check_desc,srv_icur,used_conn_cur,";

const pool: RuntimePool = {
  ...{ pool: "users", backend: "web" },
  lines: parseServerLines([
    "server s01 10.0.0.1:8080 weight 55 # web1",
    "server s02 [2001:db8::2]:8080 weight 55 # web2",
    "server s03 127.0.0.1:1 disabled",
  ]),
};

function read(states: readonly string[], stats: readonly string[] = [], pools = [pool]) {
  const answers = [info, [stateHead, ...states].join("\n"), [statHead, ...stats].join("\n")];
  return readObservation(5, pools, answers);
}

test("one batch asks for the process and for each backend once", () => {
  expect(questionsAbout([pool, { ...pool, pool: "others" }, { ...pool, backend: "b" }])).toEqual([
    ...["show info", "show servers state web", "show stat web 4 -1"],
    ...["show servers state b", "show stat b 4 -1"],
  ]);
});

test("the process has its number and its start, so that it is another one after each reload", () => {
  expect(read([])).toMatchObject({ process: "17500@1795294210", at: 5, trouble: undefined });
});

test.for([
  [0, "ready"],
  [4, "ready"],
  [1, "maint"],
  [5, "maint"],
  [2, "maint"],
  [32, "maint"],
  [96, "maint"],
  [8, "drain"],
  [12, "drain"],
  [16, "drain"],
  [9, "maint"],
] as const)("the bits %i mean %s", ([bits, state]) => {
  expect(read([stateOf("s01", "10.0.0.1", 2, bits)]).servers[0]).toMatchObject({ state });
});

describe("a server", () => {
  test("is whose the file says, at the address that the file says", () => {
    const { servers } = read([
      stateOf("s03", "10.0.0.3", 2, 4),
      stateOf("s02", "2001:db8:0::2", 2, 0),
      stateOf("s01", "10.0.0.1", 0, 0),
    ]);
    expect(servers.map(({ name, node, ip, up }) => [name, node, ip, up])).toEqual([
      ["s01", "web1", "10.0.0.1", false],
      ["s02", "web2", "2001:db8::2", true],
      ["s03", undefined, "10.0.0.3", true],
    ]);
  });

  test.for([
    ["sessions", "web,s01,0,0,3,9,,0,0,", 3, 0],
    ["sessions of which some wait", "web,s01,2,2,3,9,,0,3,", 5, 0],
    ["connections in use whose session has just ended", "web,s01,0,0,0,9,,0,1,", 1, 0],
    ["kept connections alone", "web,s01,0,0,0,9,,4,0,", 0, 4],
    ["a description with commas", 'web,s01,0,0,3,9,"a,""b"",c",2,0,', 3, 2],
  ] as const)("has in use what its %s say", ([, row, inUse, idle]) => {
    const [server] = read([stateOf("s01", "10.0.0.1", 2, 0)], [row]).servers;
    expect(server).toMatchObject({ pool: "users", inUse, idle, weight: 55, unchangedFor: 7_000 });
  });

  test("of the file that is not between the markers is none of ours", () => {
    const foreign = new Set(["sorry"]);
    const states = [stateOf("sorry", "10.0.0.9", 2, 0), stateOf("s01", "10.0.0.1", 2, 0)];
    const { servers } = read(states, [], [{ ...pool, foreign }]);
    expect(servers.map(({ name }) => name)).toEqual(["s01"]);
  });

  test("of another pool in the same backend belongs there", () => {
    const other = { ...pool, pool: "api", lines: parseServerLines(["server a01 10.0.0.8:80"]) };
    const states = [stateOf("a01", "10.0.0.8", 2, 0), stateOf("s01", "10.0.0.1", 2, 0)];
    const { servers } = read(states, [], [pool, other]);
    expect(servers.map((server) => [server.pool, server.name])).toEqual([
      ["api", "a01"],
      ["users", "s01"],
    ]);
  });
});

test("a backend that the running process does not have has no servers", () => {
  expect(readObservation(0, [pool], [info, "Can't find backend.", ""]).servers).toEqual([]);
});

test.for([
  ["a process that is none of HAProxy's", ["hello", stateHead, statHead]],
  ["a state of a later kind", [info, "2\n# a b", statHead]],
  ["a refusal", [info, "Permission denied", "Permission denied"]],
] as const)("%s is told to the operator", ([, answers]) => {
  expect(() => readObservation(0, [pool], answers)).toThrow(OperatorError);
});
