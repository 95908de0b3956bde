/** What is done to one node. */
export type Deed =
  | { readonly kind: "join"; readonly node: string }
  | { readonly kind: "join elsewhere"; readonly node: string }
  | { readonly kind: "leave"; readonly node: string }
  | { readonly kind: "crash"; readonly node: string }
  /** Only the agent dies and comes back; the web server serves on. */
  | { readonly kind: "restart agent"; readonly node: string }
  | { readonly kind: "weigh"; readonly node: string; readonly weight: number }
  /** To and from maintenance, by the tag. */
  | { readonly kind: "maintain"; readonly node: string }
  | { readonly kind: "make ready"; readonly node: string };

/** What a node should be like after all deeds so far. */
export interface PlannedNode {
  readonly up: boolean;
  readonly weight: number;
  readonly maintained: boolean;
}

const down: PlannedNode = { up: false, weight: 100, maintained: false };

/** Fewer than this are never up and ready. */
const fewest = 2;

/** `count` deeds that make sense one after the other, `up` being up at first, and what comes of them. */
export function planDeeds(
  { names, up, count }: { names: readonly string[]; up: readonly string[]; count: number },
  below: (limit: number) => number,
): { readonly deeds: readonly Deed[]; readonly nodes: ReadonlyMap<string, PlannedNode> } {
  const nodes = new Map<string, PlannedNode>(
    names.map((name) => [name, { ...down, up: up.includes(name) }]),
  );
  const deeds: Deed[] = [];
  while (deeds.length < count) {
    const name = names[below(names.length)] as string;
    const node = nodes.get(name) ?? down;
    const ready = [...nodes.values()].filter(({ up, maintained }) => up && !maintained).length;
    const choices = choicesFor(name, node, ready, 1 + below(256));
    const choice = choices[below(choices.length)];
    if (choice === undefined) continue;
    deeds.push(choice);
    nodes.set(name, after(choice, node));
  }
  return { deeds, nodes };
}

function choicesFor(node: string, is: PlannedNode, ready: number, weight: number): Deed[] {
  if (!is.up)
    return [
      { kind: "join", node },
      { kind: "join elsewhere", node },
    ];
  const kinds: Deed[] = [
    { kind: "restart agent", node },
    { kind: "weigh", node, weight },
  ];
  if (is.maintained) kinds.push({ kind: "make ready", node });
  else if (ready > fewest) kinds.push({ kind: "maintain", node });
  if (is.maintained || ready > fewest) kinds.push({ kind: "leave", node }, { kind: "crash", node });
  return kinds;
}

function after(deed: Deed, node: PlannedNode): PlannedNode {
  switch (deed.kind) {
    case "join":
    case "join elsewhere":
      return { ...down, up: true };
    case "leave":
    case "crash":
      return down;
    // Its tags were set while it ran, and are lost.
    case "restart agent":
      return { ...down, up: true };
    case "weigh":
      return { ...node, weight: deed.weight };
    case "maintain":
      return { ...node, maintained: true };
    case "make ready":
      return { ...node, maintained: false };
  }
}
