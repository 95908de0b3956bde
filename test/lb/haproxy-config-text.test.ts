import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import { serversOf } from "../../src/lb/haproxy/config-servers.js";
import { ConfigText, settingOf } from "../../src/lb/haproxy/config-text.js";
import { expandWords } from "../../src/lb/haproxy/config-words.js";

describe("words", () => {
  const variables = { HOST: "10.0.0.1", EMPTY: "" };

  test.for([
    ["  bind  :80\tssl ", ["bind", ":80", "ssl"]],
    ["# all of it", []],
    ["server a 10.0.0.1:80 # web1", ["server", "a", "10.0.0.1:80"]],
    ["log-format a\\ b\\#c", ["log-format", "a b#c"]],
    ['a "b # c" d', ["a", "b # c", "d"]],
    [`a 'b "$HOST" \\' d`, ["a", 'b "$HOST" \\', "d"]],
    ['bind "$HOST:80"', ["bind", "10.0.0.1:80"]],
    [`bind "\${HOST}:80"`, ["bind", "10.0.0.1:80"]],
    [`bind \${HOST}:80 $HOST`, ["bind", `\${HOST}:80`, "$HOST"]],
    [`bind "\${NOT-:81}"`, ["bind", ":81"]],
    [`bind "\${EMPTY-:81}" x`, ["bind", "", "x"]],
    [`bind "\${NOT}"`, ["bind", ""]],
    ['a "\\$HOST \\"b\\" \\x"', ["a", '$HOST "b" \\x']],
    ['a "never ends', ["a", "never ends"]],
    ["bind :80\r", ["bind", ":80"]],
    ['a"b"c ""', ["abc", ""]],
  ] as const)("of %j are %j", ([line, words]) => {
    expect(expandWords(line, variables)).toEqual(words);
  });
});

const sample = `# a file
global
    maxconn 1900
    setenv SOCKETS /run/haproxy
    stats socket ipv4@127.0.0.1:9999 level admin
    stats socket "$SOCKETS/read.sock" level operator
    stats socket "\${SOCKETS}/admin.sock" mode 600 level admin
    server-state-base /var/lib
    server-state-file states

defaults
    http-reuse never
    default-server check weight 50

frontend users
    bind "\${BIND-:80}"
    bind :443 ssl crt /etc/certs

backend web
    server own 10.9.9.9:80
    # gossipd begin web
    server s01 10.0.0.1:80 weight 100 check # web1
    server s02 127.0.0.1:1 disabled
    # gossipd end web
    server last 10.9.9.8:80 backup

defaults other
    http-reuse safe

listen db from other
    bind 127.0.0.1:5432
    # gossipd begin db
    # gossipd end db
`;

describe("a file", () => {
  const config = new ConfigText(sample, {});

  test("tells the socket that may change something, the file of states, and its limits", () => {
    expect(config.statsSocket).toBe("/run/haproxy/admin.sock");
    expect(config.stateFile).toBe("/var/lib/states");
    expect(config.maxconn).toBe(1900);
  });

  test("tells where it listens, with variables of the process that reads it", () => {
    const binds = (variables: Record<string, string>): string[] =>
      new ConfigText(sample, variables).binds.map(({ words }) => words[1] ?? "");
    expect(binds({})).toEqual([":80", ":443", "127.0.0.1:5432"]);
    expect(binds({ BIND: "10.0.0.5:8080" })[0]).toBe("10.0.0.5:8080");
  });

  test("has its pools in the sections around their markers", () => {
    const places = config.places(["db", "web"], "haproxy.cfg");
    expect(places.map(({ pool, section }) => [pool, section.keyword, section.name])).toEqual([
      ["db", "listen", "db"],
      ["web", "backend", "web"],
    ]);
    expect(places[1]?.lines.map(({ name, node }) => [name, node])).toEqual([
      ["s01", "web1"],
      ["s02", undefined],
    ]);
    expect([...(places[1]?.numbers ?? [])].map((line) => sample.split("\n")[line - 1])).toEqual([
      "    server s01 10.0.0.1:80 weight 100 check # web1",
      "    server s02 127.0.0.1:1 disabled",
    ]);
  });

  test("has settings of a section or of the defaults that it inherits", () => {
    const [web, db] = config.backends;
    expect(web && settingOf(web, "http-reuse")?.words[1]).toBe("never");
    expect(db && settingOf(db, "http-reuse")?.words[1]).toBe("safe");
    expect(web && settingOf(web, "balance")).toBeUndefined();
  });

  test("has servers with what default-server gives them", () => {
    expect(
      serversOf(config).map(({ name, ip, weight, checked, disabled }) => ({
        name,
        ip,
        weight,
        checked,
        disabled,
      })),
    ).toEqual([
      { name: "own", ip: "10.9.9.9", weight: 50, checked: true, disabled: false },
      { name: "s01", ip: "10.0.0.1", weight: 100, checked: true, disabled: false },
      { name: "s02", ip: "127.0.0.1", weight: 50, checked: true, disabled: true },
      { name: "last", ip: "10.9.9.8", weight: 50, checked: true, disabled: false },
    ]);
  });
});

test("servers may be names, IPv6, without port, and made from templates", () => {
  const config = new ConfigText(
    `backend b
    server a web.example:80
    default-server no-check agent-check
    server b [2001:DB8::1]:80 check
    server c 2001:db8::2:80
    server d ipv4@10.0.0.1
    server-template t 2-3 srv.example:90
`,
    {},
  );
  expect(serversOf(config).map(({ name, host, ip, port }) => [name, host, ip, port])).toEqual([
    ["a", "web.example", undefined, 80],
    ["b", "2001:DB8::1", "2001:db8::1", 80],
    ["c", "2001:db8::2", "2001:db8::2", 80],
    ["d", "10.0.0.1", "10.0.0.1", 0],
    ["t2", "srv.example", undefined, 90],
    ["t3", "srv.example", undefined, 90],
  ]);
  expect(serversOf(config).map(({ checked, agentChecked }) => [checked, agentChecked])).toEqual([
    [false, false],
    [true, true],
    [false, true],
    [false, true],
    [false, true],
    [false, true],
  ]);
});

test("without markers a pool is the backend of its name", () => {
  const config = new ConfigText("backend web\n  balance random\n  server a 10.0.0.1:80\r\n", {});
  const [place] = config.places(["web"], "haproxy.cfg");
  expect(place?.lines.map(({ name }) => name)).toEqual(["a"]);
  expect([...(place?.numbers ?? [])]).toEqual([3]);
});

test.for([
  [
    "frontend users\n# gossipd begin\n# gossipd end\n",
    'haproxy.cfg, line 2: the markers of the pool web stand in "frontend users": move them into a backend or listen section',
  ],
  [
    "# gossipd begin\n# gossipd end\nbackend web\n",
    "haproxy.cfg, line 1: the markers of the pool web stand before every section: move them into a backend or listen section",
  ],
  [
    "backend other\n",
    'haproxy.cfg has neither markers of the pool web nor a backend of that name: add the lines "# gossipd begin web" and "# gossipd end web" around its servers',
  ],
] as const)("a file in which no server of the pool can be says so: %j", ([text, words]) => {
  expect(() => new ConfigText(text, {}).places(["web"], "haproxy.cfg")).toThrow(
    new OperatorError(words),
  );
});
