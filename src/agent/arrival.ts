import type { Serf } from "../serf/serf.js";
import type { Settings } from "./settings.js";

/**
 * Whether the members that we see may be all there is. Not while there is somebody to join, or somebody
 * whom we knew before our start, and nobody has told us of the others yet: whoever acted on such a list
 * would take all others for gone.
 */
export class Arrival {
  readonly #serf: Pick<Serf, "local" | "members">;
  #awaitsOthers: boolean;
  #isMember = false;

  /** `remembered`: the names that a snapshot has. */
  constructor(
    serf: Pick<Serf, "local" | "members">,
    settings: Pick<Settings, "discover" | "nodeName" | "retryJoin" | "startJoin">,
    remembered: Iterable<string>,
  ) {
    const { discover, nodeName, retryJoin, startJoin } = settings;
    this.#serf = serf;
    this.#awaitsOthers =
      startJoin.length + retryJoin.length > 0 ||
      discover !== "" ||
      [...remembered].some((name) => name !== nodeName);
  }

  /** We are a member from now on; before, not even we ourselves are known. */
  begin(): void {
    this.#isMember = true;
  }

  /** Somebody whom we were to join has answered, and be it ourselves; true if that is news. */
  noteContact(): boolean {
    const isNews = this.#awaitsOthers;
    this.#awaitsOthers = false;
    return isNews;
  }

  get isComplete(): boolean {
    if (!this.#isMember) return false;
    this.#awaitsOthers &&= !this.#hasCompany();
    return !this.#awaitsOthers;
  }

  #hasCompany(): boolean {
    const self = this.#serf.local.name;
    return this.#serf.members().some(({ name, status }) => status === "alive" && name !== self);
  }
}
