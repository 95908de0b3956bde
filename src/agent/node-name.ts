import { OperatorError } from "../base/errors.js";

/** The longest name that passes. */
const maxLength = 128;

/** What `validate_node_names` asks of a name. Throws {@link OperatorError}. */
export function checkNodeName(name: string): void {
  if (/[^A-Za-z0-9.-]/.test(name)) {
    throw new OperatorError(
      `Node name contains invalid characters ${JSON.stringify(name)}, valid are letters, digits, dashes and dots`,
    );
  }
  if (name.length > maxLength) {
    throw new OperatorError(
      `Node name is ${name.length} characters. Valid length is between 1 and ${maxLength} characters`,
    );
  }
}
