/** The group did what it must never do, or did not do what it must. The simulation ends with it. */
export class Violation extends Error {
  override readonly name = "Violation";
  /** Which rule was broken; the same for all ways to break it. */
  readonly rule: string;

  constructor(rule: string, message: string) {
    super(message);
    this.rule = rule;
  }
}
