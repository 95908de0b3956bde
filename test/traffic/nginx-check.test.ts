import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { checkNginx } from "../../src/lb/nginx/check.js";
import { tempDir } from "../agent/temp-dir.js";
import { missingPrograms } from "../support/programs.js";
import { packageRoot } from "./support/places.js";

const timeout = 20_000;

const upstream = (lines: string): string => `upstream web {\n  ${lines}\n}\n`;
const good = upstream("server 10.0.0.1:80;");
const bad = upstream("server 10.0.0.1:80 wait=1;");

/** A main file with its things in `folder`. */
function mainFile(folder: string, http: string): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const temp = kinds.map((kind) => `${kind}_temp_path ${folder}/${kind};`).join(" ");
  return `pid ${folder}/pid; error_log ${folder}/log;
events { }
http { access_log off; ${temp}
${http}
server { listen 127.0.0.1:1; location / { proxy_pass http://web; } }
}
`;
}

/** Files below a folder of their own, and what nginx says with `staged` in the place of `file`. */
async function check(
  files: (folder: string) => Readonly<Record<string, string>>,
  file: string,
  staged: string,
): Promise<void> {
  const folder = tempDir();
  const all = files(folder);
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const path = join(folder, dirname(file), `.staged`);
  writeFileSync(path, staged);
  const before = new Set(readdirSync(tmpdir()).filter((name) => name.startsWith("gossipd-nginx-")));
  try {
    await checkNginx({
      binary: "nginx",
      file: join(folder, file),
      staged: path,
      mainFile: join(folder, "nginx.conf"),
      timeout,
    });
  } finally {
    for (const [name, text] of Object.entries(all)) {
      expect(readFileSync(join(folder, name), "utf8")).toBe(text);
    }
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith("gossipd-nginx-check-"));
    expect(after.filter((name) => !before.has(name))).toEqual([]);
  }
}

const layouts: [string, string, (folder: string) => Record<string, string>][] = [
  ["the main file itself", "nginx.conf", (folder) => ({ "nginx.conf": mainFile(folder, good) })],
  [
    "a file of a whole folder, relative to the main file",
    "conf.d/web.conf",
    (folder) => ({
      "nginx.conf": mainFile(folder, "include conf.d/*.conf;"),
      "conf.d/web.conf": good,
      "conf.d/other.conf": "# include nothing;\nmap $host $x { default 1; }\n",
    }),
  ],
  [
    "a file that is named by its whole path",
    "web.conf",
    (folder) => ({
      "nginx.conf": mainFile(folder, `gzip on; include "${folder}/web.conf"; # include x;`),
      "web.conf": good,
    }),
  ],
  [
    "a file that is included by one that is included",
    "sites/b/web.conf",
    (folder) => ({
      "nginx.conf": mainFile(folder, "include sites/*/[!x]?.conf;"),
      "sites/a/s1.conf": "include sites/b/web.conf;\n",
      "sites/b/web.conf": good,
      "sites/b/x1.conf": "this is no directive",
    }),
  ],
];

describe.skipIf(missingPrograms("nginx").length > 0)("nginx tests what is not there yet", () => {
  test.for(layouts)("%s", async ([, file, files]) => {
    const isMain = file === "nginx.conf";
    const folderOf = (text: string) => (folder: string) => ({
      ...files(folder),
      ...(isMain && { "nginx.conf": mainFile(folder, text) }),
    });
    const staged = (text: string): string => (isMain ? mainFile(tempDir(), text) : text);
    await check(folderOf(good), file, staged(good));
    await expect(check(folderOf(good), file, staged(bad))).rejects.toThrow(
      /^nginx refuses the file: nginx ended with status 1: \[emerg\] invalid parameter "wait=1" in \/.*\.conf:\d+/,
    );
    // That the live one is bad does not count.
    await check(
      isMain ? folderOf(bad) : (folder) => ({ ...files(folder), [file]: bad }),
      file,
      staged(good),
    );
  });

  test("a file that no include leads to would never be loaded", async () => {
    const files = (folder: string) => ({ "nginx.conf": mainFile(folder, good), "web.conf": good });
    await expect(check(files, "web.conf", good)).rejects.toThrow(
      /nginx.conf does not include .*web.conf, so nginx would never load it/,
    );
  });

  test("files that include each other are an error, not a loop", async () => {
    const files = (folder: string) => ({
      "nginx.conf": mainFile(folder, "include a;"),
      a: "include b;",
      b: "include a;",
      "web.conf": good,
    });
    await expect(check(files, "web.conf", good)).rejects.toThrow("include each other");
  });

  test("the configuration that we ship is right", async () => {
    const shipped = readFileSync(join(packageRoot, "handlers", "lb", "nginx.conf"), "utf8");
    const folder = tempDir();
    const local = shipped
      .replace("/run/nginx.pid", `${folder}/pid`)
      .replaceAll("/var/log/nginx", folder);
    await check(() => ({ "nginx.conf": local }), "nginx.conf", local);
  });
});

test("a checker that hangs is killed, and one that is not there is named", async () => {
  const folder = tempDir({ "nginx.conf": "events { }", hangs: "#!/bin/sh\nsleep 60\n" });
  chmodSync(join(folder, "hangs"), 0o755);
  const [file, staged] = [join(folder, "nginx.conf"), join(folder, ".staged")];
  writeFileSync(staged, "events { }");
  const question = { file, mainFile: file, staged };
  await expect(
    checkNginx({ ...question, binary: join(folder, "hangs"), timeout: 300 }),
  ).rejects.toThrow("nginx refuses the file: hangs did not end within 300 ms and was killed");
  await expect(checkNginx({ ...question, binary: "/no/nginx", timeout })).rejects.toThrow(
    "there is no program /no/nginx",
  );
});
