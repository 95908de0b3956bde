import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { membersCsv } from "../../src/cli/members/csv.js";
import { membersEnv } from "../../src/cli/members/env.js";
import { membersHosts } from "../../src/cli/members/hosts.js";
import { memberTemplate } from "../../src/cli/members/template.js";
import { Bench } from "../rpc/bench.js";
import { member } from "../rpc/scripted-api.js";
import { run } from "./run-command.js";

const cluster = [
  member("web-2", { ip: [10, 0, 0, 2], port: 7947, tags: { role: "web", "data-center": "b" } }),
  member("db", { ip: [0xfd, ...Array<number>(14).fill(0), 1], status: "failed" }),
];

async function shown(...flags: string[]): Promise<string> {
  const bench = await Bench.start();
  bench.api.known = cluster;
  const { code, stdout, stderr } = await run(bench, "members", ...flags);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

describe("csv", () => {
  test("has a header and a record for each member", async () => {
    expect(await shown("-format=csv")).toBe(
      [
        "name,ip,port,status,protocol,tags",
        "db,fd00::1,7946,failed,5,{}",
        'web-2,10.0.0.2,7947,alive,5,"{""data-center"":""b"",""role"":""web""}"',
        "",
      ].join("\r\n"),
    );
  });

  test.for([
    ['a,"b"', '"a,""b"""'],
    ["a\r\nb", "a\\r\\nb"],
    ["\u001b[2J", "\\x1b[2J"],
    ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
    [" a", '" a"'],
  ] as const)("the name %j is the cell %s", ([name, cell]) => {
    expect(membersCsv([member(name)]).split("\r\n")[1]).toBe(`${cell},127.0.0.1,7946,alive,5,{}`);
  });

  test("every member is one record of six cells, whatever its name and tags", () => {
    const record = /^(?:(?:"(?:[^"]|"")*"|[^",\r\n]*)(?:,|$)){6}$/;
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (name, tag) => {
        const lines = membersCsv([member(name, { tags: { [tag]: name } })]).split("\r\n");
        expect(lines).toHaveLength(3);
        expect(lines[1]).toMatch(record);
      }),
    );
  });
});

describe("hosts", () => {
  test("has a line for each member that is alive, or as -status says", async () => {
    expect(await shown("-format=hosts")).toBe("10.0.0.2\tweb-2\n");
    expect(await shown("-format=hosts", "-status=.*")).toBe("fd00::1\tdb\n10.0.0.2\tweb-2\n");
  });

  test.for([
    "localhost",
    "LOCALHOST",
    "db.localhost",
    "localhost.localdomain",
    "ip6-loopback",
    "broadcasthost",
    "10.1",
    "1.2.3.4",
    "0x7f000001",
    "web.0x1",
    "a b",
    "a\n10.6.6.6 bank",
    "a\tb",
    "#x",
    "-a",
    "a-",
    "a..b",
    ".",
    "",
    "é",
    "a\u001b[2J",
    "x".repeat(64),
  ])("%j has no line, but a warning", (name) => {
    const { text, warnings } = membersHosts([member(name), member("web")]);
    expect(text).toBe("127.0.0.1\tweb\n");
    expect(warnings).toEqual([expect.stringMatching(/^"[\x20-\x7eé]*" is left out: /)]);
  });

  test("of names that differ in case alone the first one counts", () => {
    const { text, warnings } = membersHosts([member("Web"), member("web")]);
    expect(text).toBe("127.0.0.1\tWeb\n");
    expect(warnings).toHaveLength(1);
  });

  test("names with a dot are written if they lie under -domain, and only then", async () => {
    const names = ["web", "db.corp.test", "www.example.com", "evilcorp.test", "corp.test"];
    const bench = await Bench.start();
    bench.api.known = names.map((name) => member(name));
    const plain = await run(bench, "members", "-format=hosts");
    expect(plain.stdout).toBe("127.0.0.1\tweb\n");
    expect(plain.stderr.match(/is left out: it has a dot; -domain/g)).toHaveLength(4);
    for (const domain of ["corp.test", ".Corp.Test."]) {
      const { code, stderr, stdout } = await run(
        bench,
        "members",
        "-format=hosts",
        `-domain=${domain}`,
      );
      expect({ code, stdout }).toEqual({
        code: 0,
        stdout: "127.0.0.1\tdb.corp.test\n127.0.0.1\tweb\n",
      });
      expect(stderr.match(/is left out: it does not lie under corp\.test/g)).toHaveLength(3);
    }
  });

  test("-domain that is none, or for another format, is refused", async () => {
    const bench = await Bench.start();
    bench.api.known = [member("web")];
    for (const domain of ["", ".", "a b", "*"]) {
      const { code, stdout } = await run(bench, "members", "-format=hosts", `-domain=${domain}`);
      expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining("-domain: ") });
    }
    expect((await run(bench, "members", "-domain=corp.test")).code).toBe(1);
  });

  test("warnings go to stderr", async () => {
    const bench = await Bench.start();
    bench.api.known = [member("localhost")];
    expect(await run(bench, "members", "-format=hosts")).toEqual({
      code: 0,
      stdout: "",
      stderr: 'Warning: "localhost" is left out: the name has a meaning of its own\n',
    });
  });
});

describe("env", () => {
  test("numbers the members and names their tags", async () => {
    expect((await shown("-format=env")).split("\n")).toEqual([
      "GOSSIPD_MEMBERS='2'",
      "GOSSIPD_ADDRESSES='[fd00::1]:7946 10.0.0.2:7947'",
      "GOSSIPD_MEMBER_1_NAME='db'",
      "GOSSIPD_MEMBER_1_IP='fd00::1'",
      "GOSSIPD_MEMBER_1_PORT='7946'",
      "GOSSIPD_MEMBER_1_STATUS='failed'",
      "GOSSIPD_MEMBER_2_NAME='web-2'",
      "GOSSIPD_MEMBER_2_IP='10.0.0.2'",
      "GOSSIPD_MEMBER_2_PORT='7947'",
      "GOSSIPD_MEMBER_2_STATUS='alive'",
      "GOSSIPD_MEMBER_2_TAG_DATA_CENTER='b'",
      "GOSSIPD_MEMBER_2_TAG_ROLE='web'",
      "",
    ]);
  });

  test("tags that are spelt alike do not overwrite each other", () => {
    const { text, warnings } = membersEnv([member("a", { tags: { "x-y": "1", x_y: "2" } })]);
    expect(text).toContain("TAG_X_Y='1'\n");
    expect(text).not.toContain("'2'");
    expect(warnings).toEqual([
      'tag "x_y" of a is left out: GOSSIPD_MEMBER_1_TAG_X_Y is of another',
    ]);
  });

  test("a shell reads back what members said, and runs none of it", () => {
    const nasty = [
      "'; touch /tmp/owned; '",
      "$(touch owned)`touch owned`",
      "a'b\"c\\d\ne\tf$HOME!!",
      "\\'",
      "'",
      "é\u2028\ufffd",
      "",
    ];
    const members = nasty.map((text) => member(`n${text}`, { tags: { "k;$(x)": text } }));
    const { text } = membersEnv(members);
    const prints = nasty.map(
      (_, index) =>
        `printf '%s\\0%s\\0' "$GOSSIPD_MEMBER_${index + 1}_NAME" "$GOSSIPD_MEMBER_${index + 1}_TAG_K___X_"`,
    );
    const script = `eval "$1"\n${prints.join("\n")}`;
    const output = execFileSync("/bin/sh", ["-euc", script, "sh", text], {
      env: { PATH: "" },
      encoding: "utf8",
    });
    expect(output.split("\0").slice(0, -1)).toEqual(nasty.flatMap((one) => [`n${one}`, one]));
  });
});

describe("template", () => {
  const list =
    "{% for m in members %}{{ m.name }} {{ m.address }} {{ m.tags.role | default: '-' }}\\n{% endfor %}";

  test("makes what it says of each member", async () => {
    const text = "db [fd00::1]:7946 -\nweb-2 10.0.0.2:7947 web\n";
    expect(await shown("-format=template", "-template", list)).toBe(text);
    expect(await shown("-template", list)).toBe(text);
  });

  test("may stand in a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gossipd-test-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "t.liquid");
    writeFileSync(file, "{{ members.size }} \\n members");
    expect(await shown("-template", `@${file}`)).toBe("2 \\n members\n");
  });

  test("what is printed is on one line, unless it went through a filter that says otherwise", async () => {
    const hostile = [member("a\n\u001b[2J'b")];
    const made = async (text: string) => (await memberTemplate(text))(hostile);
    expect(await made("{{ members[0].name }}")).toBe("a\\n\\x1b[2J'b\n");
    expect(await made("{{ members[0].name | json }}")).toBe('"a\\n\\u001b[2J\'b"\n');
    expect(await made("{{ members[0].name | shell }}")).toBe("'a\n\u001b[2J'\\''b'\n");
    expect(await made("{{ members[0].name | raw }}")).toBe("a\n\u001b[2J'b\n");
    expect(JSON.parse(await made("{{ members | json }}"))).toMatchObject([{ port: 7946 }]);
  });

  test.for([
    ["{{ members[0].nam }}", "-template, line 1: undefined variable: members.0.nam"],
    ["\\n{{ x | nope }}", "-template, line 2: undefined filter: nope"],
    ["{% for %}", "-template, line 1: illegal tag"],
    ["{% include '/etc/passwd' %}", "-template, line 1: "],
    ["{% render 'package.json' %}", "-template, line 1: "],
    ["@/nowhere", "-template=@/nowhere: cannot be read: no such file or directory"],
  ] as const)("%s is refused: %s", async ([template, words]) => {
    const bench = await Bench.start();
    bench.api.known = cluster;
    const { code, stdout } = await run(bench, "members", "-template", template);
    expect(stdout).toContain(words);
    expect(stdout.trim().split("\n")).toHaveLength(1);
    expect(code).toBe(1);
  });

  test("is missed if the format is given without it", async () => {
    const bench = await Bench.start();
    const { stdout } = await run(bench, "members", "-format=template");
    expect(stdout).toBe("-format template needs -template TEXT or @FILE\n");
  });

  test("members cannot have the template do more than it says", async () => {
    const made = await memberTemplate("{{ members[0].name }} {{ members[0].tags.constructor }}");
    expect(() => made([member("{{ 1 }}")])).toThrow("undefined variable");
    const plain = await memberTemplate("{{ members[0].name }}");
    expect(plain([member("{{ 1 }}{% raw %}")])).toBe("{{ 1 }}{% raw %}\n");
  });
});
