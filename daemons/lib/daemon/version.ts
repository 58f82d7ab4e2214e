/** The suite's version, as in package.json: what every role says of itself. */
export const suiteVersion = '0.1.0';
