import type { Screen, ScreenUser } from "../command.js";
import { readKeys } from "./keys.js";

/** The alternate screen, without a cursor and without wrapping of long lines; and back. */
const enter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
const leave = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/** Signals that end a process; without a handler of ours the terminal would stay as it is then. */
const endings = { SIGTERM: 15, SIGHUP: 1, SIGQUIT: 3 } as const;

/** The terminal of this process, if it has one on stdin and stdout that can be drawn on. */
export function ttyScreen(): Screen | undefined {
  const { stdin, stdout } = process;
  if (!stdin.isTTY || !stdout.isTTY || process.env.TERM === "dumb") return undefined;
  return {
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    open: (user) => open(user),
  };
}

function open({ onKey, onResize }: ScreenUser): () => void {
  const { stdin, stdout } = process;
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    stdin.off("data", takeKeys).pause();
    stdin.setRawMode(false);
    stdout.off("resize", onResize);
    process.off("exit", close).off("SIGCONT", resume);
    for (const [signal, handler] of handlers) process.off(signal, handler);
    stdout.write(leave);
  };
  // Whoever stopped us, the shell then, has taken the terminal over in between.
  const resume = (): void => {
    stdin.setRawMode(true);
    stdout.write(enter);
    onResize();
  };
  const takeKeys = (text: string): void => {
    for (const key of readKeys(text)) onKey(key);
  };
  const handlers = Object.entries(endings).map(([signal, number]) => {
    const end = (): void => {
      close();
      process.exit(128 + number);
    };
    return [signal, end] as const;
  });
  for (const [signal, handler] of handlers) process.on(signal, handler);
  process.on("exit", close).on("SIGCONT", resume);
  stdout.on("resize", onResize);
  stdin.setRawMode(true);
  stdin.setEncoding("utf8").on("data", takeKeys).resume();
  stdout.write(enter);
  return close;
}
