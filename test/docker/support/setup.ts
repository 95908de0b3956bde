import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { baseImages, docker, findCompose, gossipdImage, run } from "./engine.js";
import { figureTable } from "./figures.js";
import { OwnEngine } from "./own-engine.js";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const standIn = fileURLToPath(new URL("../stand-in.sh", import.meta.url));

/**
 * Before all stacks: an engine, the base images, and gossipd's own image from this tree. A machine that
 * cannot fails here and says why: nothing is skipped. Afterwards the table is printed.
 */
export async function setup(): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "gossipd-figures-"));
  const figures = join(folder, "figures");
  process.env.DOCKER_FIGURES = figures;
  const engine = (await isAnswered()) ? undefined : await OwnEngine.start();
  const teardown = async (): Promise<void> => {
    tell(`\n${figureTable(figures)}\n`);
    rmSync(folder, { recursive: true });
    await engine?.stop();
  };
  try {
    const [program, ...first] = await findCompose();
    await run(program, [...first, "version"]);
    for (const image of baseImages) await provide(image);
    await step(`build ${gossipdImage}`, () =>
      run("docker", ["build", "--quiet", "-t", gossipdImage, "-f", "docker/Dockerfile", "."], {
        cwd: root,
        timeout: 600_000,
      }),
    );
  } catch (error) {
    await teardown();
    throw error;
  }
  return teardown;
}

async function isAnswered(): Promise<boolean> {
  try {
    await docker("version");
    return true;
  } catch {
    return false;
  }
}

/** Pulls an image, or makes its stand-in where no registry is reached. */
async function provide(image: string): Promise<void> {
  if (await succeeds(docker("image", "inspect", image))) return;
  if (await succeeds(step(`pull ${image}`, () => docker("pull", "--quiet", image)))) return;
  await step(`make a stand-in for ${image}`, () => run(standIn, [image]));
}

async function succeeds(work: Promise<unknown>): Promise<boolean> {
  return await work.then(
    () => true,
    () => false,
  );
}

async function step(what: string, work: () => Promise<unknown>): Promise<void> {
  const began = performance.now();
  try {
    await work();
  } finally {
    tell(`${what}: ${Math.round((performance.now() - began) / 1_000)} s\n`);
  }
}

function tell(text: string): void {
  process.stdout.write(text);
}
