import type { TestProject } from 'vitest/node';
import { openSharedServers } from './shared-servers.ts';

/** Starts no server: the first test that asks for one does. At the end says which they were. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const servers = await openSharedServers();
  project.provide('sharedServers', servers.url);
  return async () => {
    for (const line of await servers.close()) console.log(`infra: ${line}`);
  };
}
