/** How Keyfactor's API (its open-source orchestrators' store types) speaks of a kind of store. */
export interface KeyfactorStoreType {
  /** By Keyfactor's numbering: custom types begin at 102. Scripts keep it: a number is never given twice. */
  id: number;
  name: string;
  shortName: string;
  /** Whether a store has a password. */
  password: boolean;
  properties: KeyfactorProperty[];
  /** Our config for a store of this type; property names in lower case. INVALID_STORE_CONFIG for what is not supported. */
  toConfig(store: { path: string; password?: string; properties: Map<string, string> }): Record<string, unknown>;
  /** The path that clients know a store by. */
  pathOf(config: Record<string, unknown>): string;
  /** Properties that follow from a config that was not made through Keyfactor's API. */
  propertiesOf(config: Record<string, unknown>): Record<string, string>;
}

export interface KeyfactorProperty {
  name: string;
  displayName: string;
  type: 'String' | 'Bool' | 'Secret';
  default: string;
}

export const keyfactorText = (value: unknown): string => (typeof value === 'string' ? value : '');
export const isKeyfactorTrue = (value: string | undefined): boolean => value?.toLowerCase() === 'true';
