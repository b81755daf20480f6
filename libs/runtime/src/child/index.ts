export { Channel, type Handlers } from './channel.ts';
export { forkChild } from './fork-child.ts';
export { fromPlainError, toPlainError, type PlainError } from './plain-error.ts';
export { endNow, serveParent } from './serve-parent.ts';
