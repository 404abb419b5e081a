// Answers that try to become something else than text. Also read by the browser tests.
export { HOSTILE } from '../hostile.mjs';
