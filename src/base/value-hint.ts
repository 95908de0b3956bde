/**
 * What the value of an option is, where a shell can complete it: a path, the name of a member, or one
 * of a few words. Addresses are told apart because a list of them can be separated by commas.
 */
export type ValueHint = "address" | "path" | "member" | readonly string[];
