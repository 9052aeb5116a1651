/**
 * A failure of the setup whose message already says what to do.
 * @param {string} message
 * @param {unknown} [cause]
 */
export function setupError(message, cause) {
  return Object.assign(new Error(message, { cause }), { name: 'SetupError' });
}
