/** The longest name that is valid. */
const maxLength = 128;

/**
 * What is wrong with a name by the rules of Serf's `ValidateNodeNames`, undefined if nothing is.
 * Without that setting any name will do.
 */
export function nodeNameFault(name: string): string | undefined {
  if (/[^A-Za-z0-9.-]/.test(name)) {
    const shown = JSON.stringify(name);
    return `Node name contains invalid characters ${shown}, valid are letters, digits, dashes and dots`;
  }
  if (name.length > maxLength) {
    return `Node name is ${name.length} characters. Valid length is between 1 and ${maxLength} characters`;
  }
  return undefined;
}
