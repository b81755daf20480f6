export { createSecretKeeper, openSecretKeeper, type SecretKeeper } from './secret-keeper.ts';
