import type { Import } from '@certferry/rest';

/** Chains of more than one certificate, by their subjects. */
export function chainLines({ chains = [], items }: Import): string[] {
  const subject = (index: number) => items.find((item) => item.index === index)?.subject ?? String(index);
  return chains
    .filter(({ indexes }) => indexes.length > 1)
    .map(({ indexes, crossSigned = [] }) => {
      const also = crossSigned.length > 0 ? ` (also there: ${crossSigned.map(subject).join(', ')})` : '';
      return `${indexes.map(subject).join(' < ')}${also}`;
    });
}
