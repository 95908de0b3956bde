import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { OperatorError } from "../../src/base/errors.js";
import type { Desired, Server } from "../../src/lb/model.js";
import { renderTemplate } from "../../src/lb/template.js";
import { tempDir } from "../agent/temp-dir.js";

function server(node: string, ip: string, more: Partial<Server> = {}): Server {
  const usual = { port: 80, weight: 100, admission: "ready", cause: "alive" } as const;
  return { node, ip, tags: new Map(), ...usual, ...more };
}

const servers = [
  server("web1", "10.0.0.1", {
    tags: new Map([
      ["zone", "a"],
      ["note", 'x" y'],
    ]),
  }),
  server("web2", "2001:db8::2", { tags: new Map([["zone", "b"]]) }),
  server("web3", "10.0.0.3", { admission: "drain", tags: new Map([["zone", "a"]]) }),
];

function desired(web: readonly Server[] = servers): Desired {
  const pools = [
    { name: "web", servers: web },
    { name: "api", servers: [] },
  ];
  return { pools, version: "0123456789ab", refused: [], holds: [], frozen: false };
}

const lines = new Map([
  ["web", ["server s01 10.0.0.1:80", "server s02 [2001:db8::2]:80"]],
  ["api", []],
]);

async function render(text: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const template = join(tempDir({ "t.liquid": text, ...more }), "t.liquid");
  return renderTemplate({ template, desired: desired(), lines });
}

/** The error without the folder, which is another one each time. */
async function faultOf(text: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const error = await render(text, more).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(OperatorError);
  return (error as OperatorError).message.replace(/\/\S*\/gossipd-test-[^/]+\//, "");
}

test("a template sees pools, servers, addresses and the version, and has all of them in order", async () => {
  const text = `{% for pool in pools -%}
backend {{ pool.name }}
{%- for s in pool.servers %}
  server {{ s.name }} {{ s | host_port }} weight {{ s.weight }} # {{ s.tags.zone }}
{%- endfor %}
{%- for s in pool.others %}
  # {{ s.node }} {{ s.state }}
{%- endfor %}
{% endfor -%}
{% for a in addresses %}{{ a.host }}={{ a.ip | bracket }} {% endfor %}{{ version }}
`;
  expect(await render(text)).toBe(`backend web
  server web1 10.0.0.1:80 weight 100 # a
  server web2 [2001:db8::2]:80 weight 100 # b
  # web3 drain
backend api
web1=10.0.0.1 web2=[2001:db8::2] 0123456789ab
`);
});

test("the lines that gossipd makes itself stand between their markers, with the indentation of the tag", async () => {
  const text =
    'backend web\n  {% servers "web" %}\n{% for p in pools %}{% servers p.name %}\n{% endfor %}';
  expect(await render(text)).toContain(`backend web
  # gossipd begin web
  server s01 10.0.0.1:80
  server s02 [2001:db8::2]:80
  # gossipd end web
`);
  expect(await faultOf('{% servers "shop" %}')).toBe(
    "t.liquid, line 1: there is no pool shop: web, api",
  );
});

test("parts come from the template's folder and from nowhere else", async () => {
  expect(await render('{% render "head.cfg" %}\n', { "head.cfg": "global" })).toBe("global\n");
  for (const path of ["../secret", "/etc/hostname", "link"]) {
    const folder = tempDir({ secret: "secret" });
    const inside = join(folder, "templates");
    mkdirSync(inside);
    symlinkSync(join(folder, "secret"), join(inside, "link"));
    const template = join(inside, "t.liquid");
    writeFileSync(template, `{% render "${path}" %}`);
    const rendered = renderTemplate({ template, desired: desired(), lines });
    await expect(rendered, path).rejects.toThrow(/line 1: .*(ENOENT|outside)/);
  }
});

describe("an error names the line and what is wrong", () => {
  test.for([
    ["a\n{{ pool.name }}", "t.liquid, line 2: undefined variable: pool"],
    ["{{ version.x.y }}", "t.liquid, line 1: undefined variable: version.x"],
    [
      "{% for p in pools %}\n{{ p.nam }}{% endfor %}",
      "t.liquid, line 2: undefined variable: p.nam",
    ],
    ["{{ version | shout }}", "t.liquid, line 1: undefined filter: shout"],
    ["{% nonsense %}", 't.liquid, line 1: tag "nonsense" not found'],
    ["\n{% if version %}", "t.liquid, line 2: tag {% if version %} not closed"],
    ["{{ version", 't.liquid, line 1: output "{{ version" not closed'],
    ["{{ pools | quote }}", "t.liquid, line 1: quote stands behind one printable word, not behind"],
    ["{{ version | host_port }}", "t.liquid, line 1: host_port stands behind a server"],
    // Equal pools must give equal texts.
    ['{{ "now" | date: "%s" }}', "t.liquid, line 1: undefined filter: date"],
    ["{{ pools | sample }}", "t.liquid, line 1: undefined filter: sample"],
    // What JavaScript has beside own properties.
    ["{{ version.constructor }}", "t.liquid, line 1: undefined variable: version.constructor"],
    ["{{ pools.__proto__ }}", "t.liquid, line 1: undefined variable: pools.__proto__"],
  ])("%j", async ([text, fault]) => {
    expect(await faultOf(text as string)).toContain(fault);
  });

  test("also in a part", async () => {
    expect(await faultOf('a\n{% render "p" %}', { p: "\n\n{{ x }}" })).toMatch(
      /^t\.liquid \(in p\), line 3: undefined variable: x/,
    );
  });
});

test("a tag that could add something to a line is not there", async () => {
  const text = "{% for s in pools[0].servers %}{{ s.tags.note | default: 'none' }} {% endfor %}";
  expect(await render(text)).toBe("none none ");
});

test("a word in quotes cannot end them", async () => {
  expect(await render(`{{ 'a"b\\\\c' | quote }}`)).toBe('"a\\"b\\\\c"');
});

describe("output that no proxy should get is refused with its line", () => {
  test.for([
    ["server web1 :80\n", "a server without an address"],
    ["server web1\n", "a server without an address"],
    ["x\nserver ;\n", "line 2: a server without an address"],
    ["server :80 weight=1;\n", "a server without an address"],
    ["server web1 10.0.0.1:\n", "a port that is none"],
    ["server web1 10.0.0.1:0\n", "a port that is none"],
    ["server 10.0.0.1:99999;\n", "a port that is none"],
    ["server web1 10.0.0.256:80\n", "an address that is none"],
    ["server web1 [::1::2]:80\n", "an address that is none"],
    ["server 0.0.0.0:80;\n", "an address that is none"],
    ["server a,b:80;\n", "an address that is none"],
    ["server undefined:80;\n", "a value that is not there"],
    ["timeout [object Object]\n", "a value that is not there"],
    ["a\u0000b\n", "a control character"],
    ["a\u001b[2Jb\n", "a control character"],
    ["a\u2028b\n", "a control character"],
    ["a\rb\n", "a control character"],
    ["", "an empty file"],
    ["\n \n", "an empty file"],
  ])("%j: %s", async ([text, fault]) => {
    expect(await faultOf(text as string)).toContain(fault);
  });

  test.for([
    "server web1 10.0.0.1:80 check\r\n",
    "server web1 2001:db8::1:80\n",
    "server [2001:db8::1]:80 weight=2; # web1\n",
    "server backup.example.com:80 backup;\n",
    "server unix:/run/app.sock;\n",
    "server local /run/app.sock\n",
    "server web1 10.0.0.1\n",
    "server { listen 80; server_name _; }\n",
    "\tserver_name undefined.example; # undefined\n".replace("undefined.example", "a.example"),
    "default-server check\n",
  ])("%j is none", async (text) => {
    expect(await render(text)).toBe(text);
  });
});

test("templates that everybody may write to, or that are not there, are refused", async () => {
  const folder = tempDir({ "t.liquid": "x" });
  const template = join(folder, "t.liquid");
  chmodSync(template, 0o666);
  const rendered = renderTemplate({ template, desired: desired(), lines });
  await expect(rendered).rejects.toThrow(`everybody may write to the template ${template}`);
  const gone = renderTemplate({ template: `${template}2`, desired: desired(), lines });
  await expect(gone).rejects.toThrow(`there is no template ${template}2`);
});

test("a loop without an end is ended", async () => {
  expect(
    await faultOf(
      "{% for a in (1..100000000) %}{% for b in (1..100000000) %}x{% endfor %}{% endfor %}",
    ),
  ).toMatch(/line 1: (memory alloc|template render) limit exceeded/);
});

test("it works where no code may be made from strings", () => {
  const template = join(
    tempDir({ "t.liquid": "{% for p in pools %}{{ p.name }}{% endfor %}" }),
    "t.liquid",
  );
  const program = `
    const { renderTemplate } = await import(process.argv[1]);
    const desired = { pools: [{ name: "web", servers: [] }], version: "1", refused: [], holds: [], frozen: false };
    console.log(await renderTemplate({ template: process.argv[2], desired, lines: new Map() }));
    try { new Function(""); console.log("code was made"); } catch {}
  `;
  const url = new URL("../../dist/lb/template.js", import.meta.url).href;
  const flag = "--disallow-code-generation-from-strings";
  const args = [flag, "--input-type=module", "-e", program, url, template];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  expect({ stdout, stderr }).toEqual({ stdout: "web\n", stderr: "" });
});
