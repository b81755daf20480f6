export { connectDirectly, type Connect, type Endpoint } from '@certferry/outbound';
export { checkConfig, configSchema, secretFields, type ConfigSchema } from './check-config.ts';
export { isNotAsked } from './child/child-pool.ts';
export { ChildStoreAccess, type ChildStoreOptions } from './child/child-store-access.ts';
export type { DriverContext, DriverHost, StoreLimits, StoreParser } from './driver-context.ts';
export { DRIVERS, findDriver } from './drivers.ts';
export { StoreRoots } from './files/store-roots.ts';
export { hookConfig, hooksOf, type HookSettings } from './hooks/hook-config.ts';
export { Hooks, type HookUse } from './hooks/hooks.ts';
export type { HookRun, HookStep } from './hooks/run-hook.ts';
export type { KeyfactorProperty, KeyfactorStoreType } from './keyfactor-store-type.ts';
export { LocalStoreAccess } from './local-store-access.ts';
export type { StoreAccess, StoreAddress } from './store-access.ts';
export type {
  AddChange,
  Change,
  OpenStore,
  PreparedChange,
  RemoveChange,
  StoreChange,
  StoreDriver,
  StoreEntry,
  StoreNote,
} from './store-driver.ts';
export { tryStore, type StoreCheck } from './try-store.ts';
