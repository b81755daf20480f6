type PathField = 'certificatePath' | 'chainPath' | 'fullChainPath' | 'keyPath' | 'combinedPath';

interface Preset {
  /** The files that the program can be told to read, in each way that it reads them. */
  files: PathField[][];
  /** In a combined file; absent: it takes both orders. */
  keyFirst?: boolean;
}

const CHAIN_AND_KEY: PathField[] = ['fullChainPath', 'keyPath'];

/** What real programs read. */
export const PRESETS = {
  nginx: { files: [CHAIN_AND_KEY] },
  // SSLCertificateChainFile is of before 2.4.8; the file of SSLCertificateFile has the chain since.
  apache: { files: [CHAIN_AND_KEY, ['certificatePath', 'chainPath', 'keyPath']] },
  haproxy: { files: [['combinedPath'], CHAIN_AND_KEY] },
  // smtpd_tls_chain_files wants each key before its certificates.
  postfix: { files: [['combinedPath'], CHAIN_AND_KEY], keyFirst: true },
  dovecot: { files: [CHAIN_AND_KEY] },
  postgresql: { files: [CHAIN_AND_KEY] },
} satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;

export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];

const PATH_FIELDS: PathField[] = ['certificatePath', 'chainPath', 'fullChainPath', 'keyPath', 'combinedPath'];

/** Why a preset's program does not read files as a config has them; undefined when it does. */
export function misfitOf(name: PresetName, config: Partial<Record<PathField, string | undefined>>): string | undefined {
  const given = PATH_FIELDS.filter((field) => config[field] !== undefined);
  const { files }: Preset = PRESETS[name];
  const fits = files.some((fields) => fields.length === given.length && fields.every((one) => given.includes(one)));
  if (!fits)
    return `${name} reads ${files.map((fields) => fields.join(' and ')).join(', or ')}, not ${given.join(' and ')}`;
  const { fullChainPath, keyPath } = config;
  if (name === 'haproxy' && keyPath !== undefined && keyPath !== `${fullChainPath}.key`)
    return 'haproxy looks for the key in the fullChainPath with ".key" behind it';
  return undefined;
}

export const keyFirstOf = (name: PresetName | undefined): boolean | undefined => {
  const preset: Preset | undefined = name && PRESETS[name];
  return preset?.keyFirst;
};
