import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  lutimesSync,
  readlinkSync,
  renameSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { describe, expect, test } from "vitest";
import { until } from "../support/wait.js";
import { botheredMembers, hostileMembers, otherMembers } from "./hostile.js";
import { type ListedMember, Sandbox, type Shell, shells } from "./sandbox.js";

const around = {
  before: "global\n\n  backend web\n\t# gossipd begin  \n",
  after: "  # gossipd end\ntail\n",
};

interface Proxy {
  readonly handler: string;
  readonly variables: string;
  readonly line: (name: string, address: string) => string;
  /** What stands there when there is nobody. */
  readonly none: string;
}

const haproxy: Proxy = {
  handler: "haproxy.sh",
  variables: "HAPROXY",
  line: (name, address) => `    server ${name} ${address}\n`,
  none: "",
};

const nginx: Proxy = {
  handler: "nginx.sh",
  variables: "NGINX",
  line: (name, address) => `        server ${address} max_fails=1 fail_timeout=2s; # ${name}\n`,
  none: "        server 127.0.0.1:1 down;\n",
};

/** A configuration file, a check and a reload that obey the files `bad` and `stuck`, and note their calls. */
class Balancer extends Sandbox {
  readonly #proxy: Proxy;

  constructor(proxy: Proxy = haproxy, shell?: Shell) {
    super(shell);
    this.#proxy = proxy;
    this.write("proxy.cfg", around.before + around.after);
    this.script("check", 'echo check >>"$DIR/calls"; cp "$1" "$DIR/checked"; [ ! -e "$DIR/bad" ]');
    this.script(
      "reload",
      'echo reload >>"$DIR/calls"; cp "$DIR/proxy.cfg" "$DIR/loaded"; [ -e "$DIR/stuck" ] || exit 0; exit "$(cat "$DIR/stuck")"',
    );
  }

  update(environment: Record<string, string> = {}) {
    const { handler, variables } = this.#proxy;
    return this.run(handler, {
      [`${variables}_CFG`]: this.path("proxy.cfg"),
      [`${variables}_CHECK`]: '"$DIR/check" "$1"',
      [`${variables}_RELOAD`]: '"$DIR/reload"',
      ...environment,
    });
  }

  /** The lines between the markers; fails if anything around them changed. */
  block(file = "proxy.cfg"): string {
    const text = this.read(file);
    expect(text.startsWith(around.before), text).toBe(true);
    expect(text.endsWith(around.after), text).toBe(true);
    return text.slice(around.before.length, -around.after.length);
  }

  calls(): string {
    return this.read("calls").trim().replaceAll("\n", " ");
  }
}

const web1: ListedMember = { name: "web1", ip: "10.0.0.1" };
const web2: ListedMember = { name: "web2", ip: "10.0.0.2", tags: { role: "web", port: "8080" } };
const one = haproxy.line("web1", "10.0.0.1:80");
const both = one + haproxy.line("web2", "10.0.0.2:8080");

describe.for([haproxy, nginx])("$handler", (proxy) => {
  describe.for(shells)("in $name", (shell) => {
    test("writes the block anew on any event, checks and reloads once per change", async () => {
      const box = new Balancer(proxy, shell);
      box.members([web2, web1]);
      expect(await box.update({ SERF_EVENT: "member-join" })).toEqual({
        status: 0,
        stdout: "",
        stderr: "",
      });
      const line1 = proxy.line("web1", "10.0.0.1:80");
      const line2 = proxy.line("web2", "10.0.0.2:8080");
      expect(box.block()).toBe(line1 + line2);
      expect(box.calls()).toBe("check reload");
      expect(box.read("checked")).toBe(box.read("proxy.cfg"));
      await box.update({ SERF_EVENT: "member-update" });
      expect(box.calls()).toBe("check reload");
      box.members([web2, { ...web1, status: "failed" }]);
      await box.update({ SERF_EVENT: "member-failed" });
      expect(box.block()).toBe(line2);
      expect(box.calls()).toBe("check reload check reload");
      expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
    });

    test("no name and no tag comes through as anything but a server of its own", async () => {
      const box = new Balancer(proxy, shell);
      box.members([...hostileMembers, ...otherMembers, ...botheredMembers]);
      expect(await box.update()).toMatchObject({ status: 0, stdout: "" });
      expect(box.block()).toBe(
        botheredMembers
          .map(({ name, ip, tags }) => proxy.line(name, `${ip}:${tags?.port}`))
          .join(""),
      );
      expect(box.files("canary")).toEqual([]);
    });
  });

  test("when all have left, what is valid for the proxy remains", async () => {
    const box = new Balancer(proxy);
    box.members([web1]);
    await box.update();
    box.members([{ ...web1, status: "left" }]);
    await box.update();
    expect(box.block()).toBe(proxy.none);
  });

  test.for(["user", "query"])("a %s event is not acted upon, nor answered", async (event) => {
    const box = new Balancer(proxy);
    box.members([web1]);
    expect(await box.update({ SERF_EVENT: event })).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(box.read("asked")).toBe("");
  });

  test("options follow each address, IPv6 is in brackets", async () => {
    const box = new Balancer(proxy);
    box.members([{ name: "a", ip: "[::1]" }]);
    await box.update({ [`${proxy.variables}_SERVER_OPTIONS`]: "check weight 1\\2" });
    expect(box.block()).toMatch(/ \[::1\]:80 check weight 1\\2\b/);
  });
});

describe("the file from before stays", () => {
  test("when the check refuses the new one", async () => {
    const box = new Balancer();
    box.members([web1]);
    await box.update();
    const { ino } = statSync(box.path("proxy.cfg"));
    box.members([web1, web2]);
    box.write("bad", "");
    const { status, stderr } = await box.update();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/refuses the new lines, kept .*proxy\.cfg\n$/),
    });
    expect(box.block("checked")).toBe(both);
    expect(box.block()).toBe(one);
    expect(statSync(box.path("proxy.cfg")).ino).toBe(ino);
    expect(box.calls()).toBe("check reload check");
    expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
  });

  test("and comes back when the reload fails, and is loaded", async () => {
    const box = new Balancer();
    box.members([web1]);
    await box.update();
    box.members([web1, web2]);
    box.write("stuck", "1");
    const { status, stderr } = await box.update();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/did not load .*put back the one from before\n$/),
    });
    expect(box.block()).toBe(one);
    expect(box.block("loaded")).toBe(one);
    expect(box.calls()).toBe("check reload check reload reload");
    expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
  });

  test.for([
    { what: "the agent cannot be asked", file: "unable", text: "" },
    { what: "the answer is not a list", file: "members", text: "junk\n" },
  ])("when $what", async ({ file, text }) => {
    const box = new Balancer();
    box.members([web1]);
    await box.update();
    box.write(file, text);
    expect(await box.update()).toMatchObject({ status: 1 });
    expect(box.block()).toBe(one);
    expect(box.calls()).toBe("check reload");
  });

  test("when nobody is alive, but not all have left", async () => {
    const box = new Balancer();
    box.members([web1, web2]);
    await box.update();
    for (const members of [[], [{ ...web1, status: "failed" }]]) {
      box.members(members);
      expect(await box.update()).toEqual({ status: 0, stdout: "", stderr: "" });
      expect(box.block()).toBe(both);
    }
  });

  test.for([
    { what: "none", text: "backend web\n" },
    { what: "no end", text: "# gossipd begin\n" },
    { what: "no begin", text: "# gossipd end\n" },
    { what: "the wrong order", text: "# gossipd end\n# gossipd begin\n" },
    { what: "two blocks", text: "# gossipd begin\n# gossipd end\n".repeat(2) },
    { what: "begin twice", text: "# gossipd begin\n# gossipd begin\n# gossipd end\n" },
    { what: "end twice", text: "# gossipd begin\n# gossipd end\n# gossipd end\n" },
    { what: "words beside", text: "# gossipd begin here\n# gossipd end here\n" },
  ])("when the marker lines are not as they should be: $what", async ({ text }) => {
    const box = new Balancer();
    box.members([web1]);
    box.write("proxy.cfg", text);
    const { status, stderr } = await box.update();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("needs one line '# gossipd begin' and after it one line"),
    });
    expect(box.read("proxy.cfg")).toBe(text);
    expect(box.calls()).toBe("");
  });

  test("when there is no file", async () => {
    const box = new Balancer();
    const { status, stderr } = await box.update({ HAPROXY_CFG: "/no/such.cfg" });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: "update-block.sh: no file /no/such.cfg\n",
    });
  });
});

test("a proxy that does not run gets the file, and the reload as soon as it can", async () => {
  const box = new Balancer();
  box.members([web1]);
  box.write("stuck", "2");
  for (let round = 0; round < 2; round += 1) {
    const { status, stderr } = await box.update();
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining("no proxy runs that could load it"),
    });
    expect(box.block()).toBe(one);
  }
  box.write("stuck", "0");
  expect(await box.update()).toMatchObject({ status: 0 });
  expect(box.calls()).toBe("check reload check reload check reload");
  await box.update();
  expect(box.calls()).toBe("check reload check reload check reload");
});

test("a run that was killed before its reload is made up for", async () => {
  const box = new Balancer();
  box.members([web1]);
  await box.update();
  renameSync(box.path("proxy.cfg"), box.path("proxy.cfg.gossipd-old"));
  box.write("proxy.cfg", around.before + both + around.after);
  box.members([web1, web2]);
  expect(await box.update()).toMatchObject({ status: 0 });
  expect(box.block("loaded")).toBe(both);
  expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
});

test("the file keeps its mode, and a link to it stays a link", async () => {
  const box = new Balancer();
  box.members([web1]);
  renameSync(box.path("proxy.cfg"), box.path("real.cfg"));
  chmodSync(box.path("real.cfg"), 0o660);
  symlinkSync("real.cfg", box.path("proxy.cfg"));
  expect(await box.update()).toMatchObject({ status: 0 });
  expect(lstatSync(box.path("proxy.cfg")).isSymbolicLink()).toBe(true);
  expect(statSync(box.path("real.cfg")).mode & 0o777).toBe(0o660);
  expect(box.block("real.cfg")).toBe(one);
});

test("markers can be chosen, so that a file can have several blocks", async () => {
  const box = new Balancer();
  const db: ListedMember = { name: "db1", ip: "10.0.0.9", tags: { role: "db", port: "5432" } };
  box.members([web1, db]);
  box.write("proxy.cfg", "#1{\n#}1\n#2{\nold\n#}2\n");
  const markers = (number: number) => ({
    HAPROXY_BEGIN: `#${number}{`,
    HAPROXY_END: `#}${number}`,
  });
  expect(await box.update(markers(1))).toMatchObject({ status: 0 });
  expect(await box.update({ ...markers(2), BACKEND_ROLE: "db" })).toMatchObject({ status: 0 });
  expect(box.read("proxy.cfg")).toBe(
    `#1{\n${one}#}1\n#2{\n${haproxy.line("db1", "10.0.0.9:5432")}#}2\n`,
  );
});

describe.for(shells)("the lock in $name", (shell) => {
  /** A reload that notes when it begins and ends, and takes its time between. */
  const slowly = 'echo begin >>"$DIR/order"; sleep 0.05; echo end >>"$DIR/order"';

  test("lets no two runs interleave, and the last one sees the last state", async () => {
    const box = new Balancer(haproxy, shell);
    box.script("reload", slowly);
    box.script(
      "bin/gossipd",
      'echo x >>"$DIR/asked"; n=$(wc -l <"$DIR/asked"); sed "s/NUMBER/$n/" "$DIR/members"',
    );
    box.members([{ ...web1, tags: { role: "web", port: "800NUMBER" } }]);
    const runs = await Promise.all([1, 2, 3, 4].map(() => box.update()));
    expect(runs.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(box.read("order")).toBe("begin\nend\n".repeat(4));
    expect(box.block()).toBe(haproxy.line("web1", "10.0.0.1:8004"));
    expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
  });

  test("of a run that died is broken, by one only", async () => {
    const box = new Balancer(haproxy, shell);
    const dead = spawnSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).stdout.trim();
    symlinkSync(dead, box.path("proxy.cfg.gossipd-lock"));
    box.script("reload", slowly);
    box.members([web1]);
    box.script(
      "bin/gossipd",
      'echo x >>"$DIR/asked"; n=$(wc -l <"$DIR/asked"); sed "s/web1/web$n/" "$DIR/members"',
    );
    const runs = await Promise.all([1, 2, 3].map(() => box.update()));
    expect(runs.map(({ status }) => status)).toEqual([0, 0, 0]);
    expect(box.read("order")).toBe("begin\nend\n".repeat(3));
    expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
  });

  test("is broken after ten minutes, for then its owner is another process", async () => {
    const box = new Balancer(haproxy, shell);
    box.members([web1]);
    const lock = box.path("proxy.cfg.gossipd-lock");
    symlinkSync(String(process.pid), lock);
    const then = Date.now() / 1_000 - 11 * 60;
    lutimesSync(lock, then, then);
    expect(await box.update()).toMatchObject({ status: 0 });
    expect(box.block()).toBe(one);
    expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
  });

  test("of a run that lives is respected", async () => {
    const box = new Balancer(haproxy, shell);
    box.members([web1]);
    const lock = box.path("proxy.cfg.gossipd-lock");
    symlinkSync(String(process.pid), lock);
    box.script("bin/sleep", 'echo >>"$DIR/waited"; exec /bin/sleep "$@"');
    const run = box.update();
    await until("it waits", () => box.read("waited").length >= 2);
    expect(box.read("asked")).toBe("");
    expect(readlinkSync(lock)).toBe(String(process.pid));
    renameSync(lock, box.path("gone"));
    expect(await run).toMatchObject({ status: 0 });
    expect(existsSync(lock)).toBe(false);
    expect(box.block()).toBe(one);
  });

  test("goes with a run that is told to end", async () => {
    const box = new Balancer(haproxy, shell);
    box.members([web1]);
    box.script(
      "check",
      'readlink "$DIR/proxy.cfg.gossipd-lock" >"$DIR/owner.new"; mv "$DIR/owner.new" "$DIR/owner"; sleep 0.3',
    );
    const run = box.update();
    const owner = await until("the check", () => box.read("owner") || undefined);
    process.kill(Number(owner), "SIGTERM");
    expect(await run).toMatchObject({ status: 1 });
    expect(box.files("proxy.cfg")).toEqual(["proxy.cfg"]);
    expect(box.block()).toBe("");
  });
});
