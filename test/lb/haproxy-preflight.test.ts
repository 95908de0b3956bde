import { createServer } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { bindAddresses, formOf, notAmong, tryBinds } from "../../src/lb/haproxy/binds.js";
import { faults } from "../../src/lb/haproxy/check.js";
import { ConfigText } from "../../src/lb/haproxy/config-text.js";
import {
  checkDescriptors,
  neededDescriptors,
  readDescriptors,
} from "../../src/lb/haproxy/descriptors.js";
import { refuseBindChanges } from "../../src/lb/haproxy/preflight.js";
import { until } from "../support/wait.js";

const file = "/etc/haproxy/haproxy.cfg";
const withBinds = (...binds: string[]): ConfigText =>
  new ConfigText(`frontend f\n${binds.map((bind) => `  bind ${bind}\n`).join("")}`, {});

describe("bind lines", () => {
  test.for<[string, string[]]>([
    [":80", ["0.0.0.0 80"]],
    ["*:80", ["0.0.0.0 80"]],
    ["10.0.0.1:80,10.0.0.2:81", ["10.0.0.1 80", "10.0.0.2 81"]],
    ["10.0.0.1:80-82", ["10.0.0.1 80", "10.0.0.1 81", "10.0.0.1 82"]],
    [":::80", [":: 80"]],
    ["[2001:DB8::1]:80", ["2001:db8::1 80"]],
    ["ipv6@:80", [":: 80"]],
    ["ipv4@10.0.0.1:80", ["10.0.0.1 80"]],
    ["/run/web.sock", []],
    ["unix@/run/web.sock", []],
    ["abns@web", []],
    ["quic4@:443", []],
    ["10.0.0.1:80 transparent", []],
    ["10.0.0.1:80 interface eth0", []],
    ["10.0.0.1", []],
    [":0", []],
  ])("%s means %j", ([bind, addresses]) => {
    const [line] = withBinds(bind).binds;
    const found = line === undefined ? [] : bindAddresses(line);
    expect(found.map(({ host, port }) => `${host} ${port}`)).toEqual(addresses);
  });

  test("of equal lines those are new of which there are more", () => {
    const { binds } = withBinds(":80", ":80", ":81");
    expect(
      notAmong(
        binds,
        [":80"].map((bind) => `bind ${bind}`),
      ).map(formOf),
    ).toEqual(["bind :80", "bind :81"]);
  });

  test("are not changed unasked", () => {
    const live = withBinds(":80", ":81");
    expect(() => refuseBindChanges(withBinds(":81", ":80"), live, file)).not.toThrow();
    expect(() => refuseBindChanges(withBinds(":80", ":81", ":82 ssl"), live, file)).toThrow(
      `${file}, line 4: "bind :82 ssl" is new: bind lines are not changed unless "allow_bind_changes" is true`,
    );
    expect(() => refuseBindChanges(withBinds(":80"), live, file)).toThrow(`"bind :81" is gone`);
  });

  test("are tried: an address that another program has, or that nobody can have, is refused", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void server.close());
    const address = await until("it listens", () => server.address() ?? undefined);
    const port = typeof address === "string" ? 0 : address.port;
    const { binds } = withBinds(`127.0.0.1:${port}`);
    await expect(tryBinds(binds, [], file)).rejects.toThrow(
      `${file}, line 2: cannot listen on 127.0.0.1:${port}: another program has it`,
    );
    await expect(tryBinds(withBinds("192.0.2.1:80").binds, [], file)).rejects.toThrow(
      "cannot listen on 192.0.2.1:80: this machine has no such address",
    );
    // That HAProxy itself has it is no fault: the new process shares it.
    await tryBinds(binds, withBinds(`:${port}`).binds, file);
    server.close();
    await until("it is free", async () =>
      tryBinds(binds, [], file).then(
        () => true,
        () => false,
      ),
    );
  });
});

describe("file descriptors", () => {
  const text = (maxconn: string, servers: number, more = ""): ConfigText =>
    new ConfigText(
      `global\n${maxconn}\n${more}\nbackend b\n${Array.from({ length: servers }, (_, index) => `  server s${index} 10.0.0.1:80 check\n`).join("")}`,
      {},
    );

  test("are what the running process needs, and the difference", () => {
    const running = readDescriptors("Name: HAProxy\nUlimit-n: 441\nMaxsock: 441\nMaxconn: 200\n");
    expect(running).toEqual({ used: 441, maxconn: 200 });
    if (running === undefined) return;
    const live = text("maxconn 200", 3);
    expect(neededDescriptors(running, live, live)).toBe(441);
    expect(neededDescriptors(running, live, text("maxconn 300", 3))).toBe(641);
    expect(neededDescriptors(running, live, text("maxconn 200", 13))).toBe(451);
    expect(neededDescriptors(running, live, text("", 13))).toBeUndefined();
    expect(
      neededDescriptors(running, live, text("maxconn 900", 3, "no strict-limits")),
    ).toBeUndefined();
  });

  test("are refused if there are not so many", () => {
    expect(() => checkDescriptors(2_000, 2_000, file)).not.toThrow();
    expect(() => checkDescriptors(2_000, undefined, file)).not.toThrow();
    expect(() => checkDescriptors(2_001, 2_000, file)).toThrow(
      `${file} needs about 2001 file descriptors (2 for each of maxconn, 1 for each server that is checked), and HAProxy may have 2000: lower maxconn, or raise the limit (LimitNOFILE, ulimit -Hn) and restart it`,
    );
  });

  test("of an answer without them nothing is known", () => {
    expect(readDescriptors("Permission denied")).toBeUndefined();
  });
});

test("of what the checker says those lines are shown that say what is wrong, with the real file", () => {
  const output = `[NOTICE]   (17) : haproxy version is 2.6.12
[NOTICE]   (17) : path to executable is /usr/sbin/haproxy
[WARNING]  (17) : config : something harmless
[ALERT]    (17) : config : parsing [/etc/haproxy/.staged:20] : unknown keyword 'garbage' in 'backend' section
[ALERT]    (17) : config : Error(s) found in configuration file : /etc/haproxy/.staged
[ALERT]    (17) : config : Fatal errors found in configuration.
`;
  expect(faults(output, "/etc/haproxy/.staged", file)).toBe(
    `parsing [${file}:20] : unknown keyword 'garbage' in 'backend' section`,
  );
  expect(faults("", "x", file)).toBe("it says nothing");
  expect(faults("Segmentation fault\n", "x", file)).toBe("Segmentation fault");
  const many = Array.from({ length: 9 }, (_, index) => `[ALERT] (1) : config : fault ${index}`);
  expect(faults(many.join("\n"), "x", file)).toBe("fault 0; fault 1; fault 2; and 6 more");
});
