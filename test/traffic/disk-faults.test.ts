import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { ConfigStore } from "../../src/lb/config-store.js";
import { tempDir } from "../agent/temp-dir.js";
import { missingPrograms } from "../support/programs.js";
import { KeptByBalancer, type NamedMember } from "./kept-by-balancer.js";
import { bind, mayMount, remount, smallDisk } from "./mounts.js";
import { Load } from "./support/load-client.js";
import { reportLine } from "./support/load-record.js";
import { Nginx, recommendedNginx } from "./support/nginx.js";
import { waitUntil } from "./support/waiting.js";
import { WebProcess } from "./support/web-process.js";

const ip = "127.0.0.78";

/** Leaves no byte free. */
function fill(folder: string): string {
  const path = join(folder, "filler");
  const block = Buffer.alloc(4_096);
  try {
    for (;;) writeFileSync(path, block, { flag: "a" });
  } catch {
    return path;
  }
}

async function replace(store: ConfigStore, text: string): Promise<void> {
  await store.read();
  await store.stage(text);
  await store.commit();
}

describe.skipIf(!mayMount())("a configuration file on a disk", () => {
  const short = "old\n";
  const long = `${"new ".repeat(4_000)}\n`;

  test("that is full stays as it is, and is replaced when there is room again", async () => {
    const disk = smallDisk(64);
    const file = join(disk, "proxy.cfg");
    writeFileSync(file, short);
    const filler = fill(disk);
    const store = await ConfigStore.open({ file, folder: tempDir(), backups: 3 });
    await expect(replace(store, long)).rejects.toThrow(
      `cannot write ${file}: no space left on device; it stays as it is`,
    );
    expect(readdirSync(disk).sort()).toEqual(["filler", "proxy.cfg"]);
    expect(readFileSync(file, "utf8")).toBe(short);
    rmSync(filler);
    await replace(store, long);
    expect(readFileSync(file, "utf8")).toBe(long);
  });

  test("that is a mount of its own is rewritten, and stays as it is if the disk is full", async () => {
    const disk = smallDisk(64);
    const source = join(disk, "source.cfg");
    writeFileSync(source, short);
    const file = join(tempDir({ "proxy.cfg": "" }), "proxy.cfg");
    bind(source, file);
    const { ino } = statSync(file);
    const store = await ConfigStore.open({ file, folder: tempDir(), backups: 3 });
    await replace(store, "second\n");
    expect(readFileSync(source, "utf8")).toBe("second\n");
    const filler = fill(disk);
    await expect(replace(store, long)).rejects.toThrow(
      `cannot replace ${file}: no space left on device; it stays as it is`,
    );
    expect(readFileSync(file, "utf8")).toBe("second\n");
    rmSync(filler);
    await replace(store, long);
    expect(readFileSync(source, "utf8")).toBe(long);
    expect(statSync(file).ino).toBe(ino);
  });

  test("that is read-only stays as it is", async () => {
    const disk = smallDisk(64);
    const file = join(disk, "proxy.cfg");
    writeFileSync(file, short);
    remount(disk, "ro");
    const store = await ConfigStore.open({ file, folder: tempDir(), backups: 3 });
    await expect(replace(store, long)).rejects.toThrow(
      `cannot replace ${file}: read-only file system; it stays as it is`,
    );
    remount(disk, "rw");
    await replace(store, long);
    expect(readFileSync(file, "utf8")).toBe(long);
  });

  test("is rewritten if only its folder is read-only", async () => {
    const [disk, other] = [smallDisk(64), smallDisk(64)];
    const [file, source] = [join(disk, "proxy.cfg"), join(other, "source.cfg")];
    writeFileSync(file, "");
    writeFileSync(source, short);
    remount(disk, "ro");
    bind(source, file);
    const store = await ConfigStore.open({ file, folder: tempDir(), backups: 3 });
    await replace(store, long);
    expect(readFileSync(source, "utf8")).toBe(long);
  });

  test("whose earlier contents find no room is not replaced", async () => {
    const disk = smallDisk(64);
    const folder = join(disk, "state");
    const file = join(tempDir({ "proxy.cfg": short }), "proxy.cfg");
    const store = await ConfigStore.open({ file, folder, backups: 3 });
    const filler = fill(disk);
    await expect(replace(store, long)).rejects.toThrow(`cannot replace ${file}: no space left`);
    expect(readFileSync(file, "utf8")).toBe(short);
    rmSync(filler);
    await replace(store, long);
  });
});

interface Included {
  readonly nginx: Nginx;
  readonly file: string;
  readonly kept: KeptByBalancer;
  readonly members: readonly NamedMember[];
  readonly load: Load;
}

/** An nginx whose pool is in a file of its own in `folder`, with two servers, the first of which serves. */
async function included(
  folder: string,
  keys: Readonly<Record<string, unknown>> = {},
): Promise<Included> {
  const file = join(folder, "web.conf");
  writeFileSync(
    file,
    "upstream web {\n  # gossipd begin\n  server 127.0.0.1:1 down;\n  # gossipd end\n}\n",
  );
  const text = (place: Parameters<typeof recommendedNginx>[0]): string =>
    recommendedNginx(place).replace(/upstream web \{[^}]*\}/, `include ${file};`);
  const nginx = await Nginx.start({ ip, text });
  onTestFinished(() => nginx.end());
  const webs = await Promise.all(["web1", "web2"].map((name) => WebProcess.start({ name, ip })));
  onTestFinished(async () => {
    await Promise.all(webs.map(({ child }) => child.kill()));
  });
  const members = webs.map(({ name, port }) => ({ name, ip, port }));
  const kept = await KeptByBalancer.open({
    config: file,
    kind: "nginx",
    main_file: nginx.place.config,
    ...keys,
  });
  kept.tell(members.slice(0, 1));
  await kept.inStep();
  const load = Load.start({ target: nginx.target, clients: { fresh: 4 }, rate: 100 });
  await load.more(20);
  return { nginx, file, kept, members, load };
}

/** The second server is wanted as well, which fails; once `mend` is done it serves, and nothing was lost. */
async function failsUntil(
  { kept, members, load, file }: Included,
  words: string,
  mend: () => void,
): Promise<void> {
  const before = readFileSync(file, "utf8");
  kept.tell(members);
  const reason = await kept.fails(words);
  process.stdout.write(`${reason}\n`);
  await load.more(30);
  expect(load.answered("web2")).toBe(0);
  expect(readFileSync(file, "utf8")).toBe(before);
  mend();
  await kept.inStep();
  await waitUntil("web2 serves", () => load.answered("web2") > 0);
  const report = await load.stop();
  process.stdout.write(`${reportLine(report)}\n`);
  expect(report.losses).toEqual({});
}

describe.skipIf(missingPrograms("nginx").length > 0)(
  "an nginx goes on with its last good pool",
  () => {
    test.skipIf(!mayMount())("while the disk is full", async () => {
      const disk = smallDisk(64);
      const parts = await included(disk);
      const filler = fill(disk);
      await failsUntil(parts, "no space left on device", () => rmSync(filler));
    });

    test.skipIf(!mayMount())("while the disk is read-only", async () => {
      const disk = smallDisk(64);
      const parts = await included(disk);
      remount(disk, "ro");
      await failsUntil(parts, "read-only file system", () => remount(disk, "rw"));
    });

    test.for([
      { fault: "hangs", line: "sleep 60", words: "did not end within 300 ms and was killed" },
      {
        fault: "refuses",
        line: "echo '[emerg] not today' >&2; exit 1",
        words: "[emerg] not today",
      },
      { fault: "is broken", line: "kill -9 $$", words: "was ended by SIGKILL" },
    ])("while its checker $fault", async ({ line, words }) => {
      const folder = tempDir();
      const [fault, binary] = [join(folder, "fault"), join(folder, "nginx-with-faults")];
      const script = `#!/bin/sh\nif [ "$1" = -t ] && [ -e ${fault} ]; then ${line}; fi\nexec nginx "$@"\n`;
      writeFileSync(binary, script);
      chmodSync(binary, 0o755);
      const parts = await included(folder, { binary, check_timeout: "300ms" });
      // A file of the same shape is not checked again.
      writeFileSync(parts.file, `# by hand\n${readFileSync(parts.file, "utf8")}`);
      writeFileSync(fault, "");
      await failsUntil(parts, words, () => rmSync(fault));
      expect(readFileSync(parts.file, "utf8")).toMatch(/^# by hand\nupstream/);
    });

    test("while its checker is gone", async () => {
      const folder = tempDir();
      const binary = join(folder, "nginx-here");
      const write = (): void => {
        writeFileSync(binary, '#!/bin/sh\nexec nginx "$@"\n');
        chmodSync(binary, 0o755);
      };
      write();
      const parts = await included(folder, { binary });
      writeFileSync(parts.file, `# by hand\n${readFileSync(parts.file, "utf8")}`);
      rmSync(binary);
      await failsUntil(parts, `there is no program ${binary}`, write);
    });

    test("and lines that somebody broke are made right again, all others kept", async () => {
      const { file, kept, load } = await included(tempDir());
      const text = readFileSync(file, "utf8");
      const server = /\n {2}server .*/.exec(text)?.[0] ?? "";
      writeFileSync(file, `# by hand\r\n${text.replace(server, "")}\t# \u00fc`);
      await waitUntil(
        "it is repaired",
        () => readFileSync(file, "utf8") === `# by hand\r\n${text}\t# \u00fc`,
        {
          last: () => readFileSync(file, "utf8"),
        },
      );
      await kept.inStep();
      expect((await load.stop()).losses).toEqual({});
      expect(existsSync(`${file}.gossipd-staged`)).toBe(false);
    });
  },
);
