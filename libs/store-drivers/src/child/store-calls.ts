import type { StoreAddress } from '../store-access.ts';
import type { OpenStore, PreparedChange } from '../store-driver.ts';

/** What a process asks a child that works with a store; one store at a time. */
export interface StoreCalls {
  open(input: OpenInput): unknown;
  /** One of the open store's methods. What it answers with a `write` is kept for that. */
  call(input: StoreCall): unknown;
  write(prepared: number): unknown;
  close(): unknown;
}

export interface OpenInput {
  store: StoreAddress;
  /** The folders below which file stores may be. */
  roots: string[];
  /** Until the visit's deadline: clocks may jump. */
  milliseconds: number;
  /** A parent that says nothing for so long is paused, and its leases run out: the child ends itself. */
  silentMs: number;
}

export interface OpenAnswer {
  /** Whether the store can tell what it occupies. */
  hasPlaces: boolean;
}

export interface StoreCall {
  method: Exclude<keyof OpenStore, 'close'>;
  args: unknown[];
}

/** A prepared change whose `write` is in the child. */
export interface RemotePrepared extends Omit<PreparedChange, 'write'> {
  prepared: number;
}
