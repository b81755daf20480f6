import { flushCompileCache } from 'node:module';
import { Channel, type Handlers } from './channel.ts';

/** Ends this process whatever its threads wait for: `process.exit` waits until each has come back from the file system. */
export const endNow = (): void => void process.kill(process.pid, 'SIGKILL');

/**
 * The beginning of every child: answers its parent, says `ready` to it, and is gone when the parent is. Signals to the
 * whole group (Ctrl-C, a service manager) are the parent's to hear: it lets its children end what they do.
 */
export function serveParent(handlers: Handlers): Channel {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const channel = new Channel(process, handlers);
  process.on('disconnect', endNow);
  channel.notify('ready');
  // Else it is written at the end, which is a kill.
  flushCompileCache();
  return channel;
}
