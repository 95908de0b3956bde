/** One member as an agent sees it, in what all agents have to see alike. */
export interface ViewEntry {
  readonly name: string;
  /** `ip:port`. */
  readonly address: string;
  /** alive, leaving, left or failed. */
  readonly status: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** Whether it counts as a member that is here, not as one that is remembered for a while. */
export function isPresent(status: string): boolean {
  return status === "alive" || status === "leaving";
}
