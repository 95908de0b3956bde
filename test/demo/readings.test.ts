import { expect, test } from "vitest";
import { readComplaint, readNews } from "../../src/demo/agent.js";
import { parseBackendList } from "../../src/demo/backend-list.js";
import { readServersState } from "../../src/demo/haproxy.js";
import { readServers } from "../../src/demo/nginx.js";
import { parseOptions } from "../../src/demo/options.js";
import { lineChanges } from "../../src/demo/written-file.js";

const stamp = "    2026/11/21 10:37:00";

test.for([
  { line: `${stamp} [INFO] serf: EventMemberJoin: web1 127.0.0.11`, news: ["joined", "web1"] },
  { line: `${stamp} [INFO] serf: EventMemberLeave: web1 127.0.0.11`, news: ["left", "web1"] },
  { line: `${stamp} [INFO] serf: EventMemberLeave (forced): a 127.0.0.1`, news: ["left", "a"] },
  { line: `${stamp} [INFO] serf: EventMemberFailed: web1 127.0.0.11`, news: ["failed", "web1"] },
  { line: `${stamp} [INFO] serf: EventMemberUpdate: web1`, news: ["was updated", "web1"] },
  { line: `${stamp} [INFO] agent: Received event: member-join`, news: undefined },
])("the news of $line are $news", ({ line, news }) => {
  const read = readNews(line);
  expect(read && [read.what, read.name]).toEqual(news);
});

test.for([
  {
    line: `${stamp} [DEBUG] agent: Event 'member-join' script output: no file x\\n`,
    complaint: "no file x",
  },
  { line: `${stamp} [DEBUG] agent: Event 'member-join' script output: `, complaint: undefined },
  {
    line: `${stamp} [ERR] agent: Error invoking script ''/a b/c.sh'': exit status 3`,
    complaint: "failed: exit status 3",
  },
  { line: `${stamp} [INFO] serf: EventMemberJoin: a 127.0.0.1`, complaint: undefined },
])("the complaint in $line is $complaint", ({ line, complaint }) => {
  expect(readComplaint(line)).toBe(complaint);
});

test("HAProxy's servers are read by the names of the columns", () => {
  const head =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight " +
    "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health " +
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord\n";
  const up = "3 web 1 web1 127.0.0.11 2 0 1 1 4 15 3 4 6 0 0 0 - 20129 - 0 0 - - 0\n";
  const down = "3 web 2 web2 127.0.0.12 0 0 1 1 4 15 2 0 6 0 0 0 - 27037 - 0 0 - - 0\n";
  const maintenance = "3 web 3 web3 127.0.0.13 0 1 1 1 4 15 3 4 6 0 0 0 - 26675 - 0 0 - - 0\n";
  const served = readServersState(`${head}${up}${down}${maintenance}\n`);
  expect(served).toEqual(["127.0.0.11:20129", "127.0.0.12:27037 (down)"]);
  expect(readServersState(`${head}\n`)).toEqual([]);
});

test("nginx's servers are those that are not down", () => {
  const config = `
  upstream web {
    # gossipd begin
        server 127.0.0.11:24170 max_fails=1 fail_timeout=2s; # web1
        server 127.0.0.12:22098; # down
        server 127.0.0.1:1 down;
    # gossipd end
  }
  server { listen 127.0.0.1:80; }`;
  expect(readServers(config)).toEqual(["127.0.0.11:24170", "127.0.0.12:22098"]);
});

test("a backend list is taken as a whole or not at all", () => {
  const first = { name: "web1", ip: "127.0.0.11", port: 8080 };
  expect(parseBackendList("web1 127.0.0.11 8080\n")).toEqual([first]);
  expect(parseBackendList("")).toEqual([]);
  for (const bad of ["web1 127.0.0.11", "a b 127.0.0.11 80", "web1 localhost 80", "w 1.2.3.4 0"]) {
    expect(() => parseBackendList(`web1 127.0.0.11 8080\n${bad}\n`), bad).toThrow(/not a backend/);
  }
});

test("of a written file the new and the missing lines are told", () => {
  expect(lineChanges("  a\n  b\n", "  b\n  c\n\n")).toEqual({ added: ["c"], removed: ["a"] });
});

test("options are read, and what they do not know is refused", () => {
  const none = { help: false, script: false, proxy: "auto", agent: undefined };
  expect(parseOptions([])).toEqual(none);
  expect(parseOptions(["--script", "--proxy", "nginx"])).toEqual({
    ...none,
    script: true,
    proxy: "nginx",
  });
  expect(() => parseOptions(["--proxy", "varnish"])).toThrow(
    "--proxy varnish: must be one of auto, haproxy, nginx, builtin",
  );
  expect(() => parseOptions(["--scripted"])).toThrow(/--scripted/);
});
