export { backoff } from './backoff.ts';
export { Lease, HEARTBEAT_MS, LEASE_MS, type LeaseOptions } from './lease.ts';
export { LeasedPool, type LeasedPoolOptions, type Taken } from './leased-pool.ts';
export { Loop, type LoopOptions } from './loop.ts';
export { ResourceLeases } from './resource-leases.ts';
