import type { ReadStream } from "node:tty";

/** Hands each key to `onKey` as it is pressed; returns what gives the terminal back. */
export function readKeys(input: ReadStream, onKey: (key: string) => void): () => void {
  const handle = (text: string) => {
    for (const key of text) onKey(key);
  };
  input.setRawMode(true);
  input.setEncoding("utf8").on("data", handle).resume();
  return () => {
    input.off("data", handle).pause();
    input.setRawMode(false);
  };
}
