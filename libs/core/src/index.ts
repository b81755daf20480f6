export * from './app-error.ts';
export * from './clock.ts';
export * from './endpoint-address.ts';
export * from './ids.ts';
export * from './paging.ts';
export * from './query.ts';
