import type { Group } from "../group.js";

/** What `sink` is told: who got which event, by the number at the end of its name, and when. */
export type EventSink = (viewer: string, number: number, at: number) => void;

/** Follows all user events named `PREFIX-NUMBER` at all agents of `group`; the result ends that. */
export async function watchEvents(
  { agents }: Group,
  prefix: string,
  sink: EventSink,
): Promise<() => Promise<void>> {
  const start = `${prefix}-`;
  const streams = await Promise.all(
    agents.map(({ name: viewer, rpc }) =>
      rpc.stream("user", (event) => {
        if (event.kind !== "user" || !event.name.startsWith(start)) return;
        sink(viewer, Number(event.name.slice(start.length)), performance.now());
      }),
    ),
  );
  return async () => {
    await Promise.all(agents.map(({ rpc }, index) => rpc.stop(streams[index] ?? 0)));
  };
}
