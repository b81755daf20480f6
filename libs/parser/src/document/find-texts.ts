import type { DocumentKind } from './document-kind.ts';
import { MAX_DOCUMENT_DEPTH, tooDeep } from './parse-document.ts';

/** A text of a document that may be a container. */
export interface FoundText {
  /** The Secret or ConfigMap that it is an entry of, for people; empty for a plain document. */
  owner: string;
  /** Its key, or its path in a plain document. */
  name: string;
  text: string;
}

/** A shorter text is no certificate and no key. */
export const LEAST_TEXT = 64;

type Fields = Record<string, unknown>;

/** What is in these is encrypted; what to do instead. */
const SEALED: Record<string, string> = {
  SealedSecret: 'unseal it: send what `kubectl get secret -o yaml` prints of the Secret that is made of it',
  ExternalSecret: 'send what `kubectl get secret -o yaml` prints of the Secret that is made of it',
};

/** Longer names are cut in what is said of them. */
const MAX_NAME = 100;
const shown = (name: unknown): string =>
  String(name)
    .replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?')
    .slice(0, MAX_NAME);

/** Collects the texts of parsed documents: of a Kubernetes Secret or ConfigMap its entries, of all else every string. */
export class TextFinder {
  readonly texts: FoundText[] = [];
  readonly notices: string[] = [];
  readonly #kind: DocumentKind;

  constructor(kind: DocumentKind) {
    this.#kind = kind;
  }

  /** LIMIT_EXCEEDED for what is nested deeper than 32. */
  collect(value: unknown, path: string[] = []): void {
    if (path.length > MAX_DOCUMENT_DEPTH) throw tooDeep(this.#kind);
    if (typeof value === 'string' && value.length >= LEAST_TEXT)
      this.texts.push({ owner: '', name: shown(path.join('.')), text: value });
    if (typeof value !== 'object' || value === null) return;
    const { kind, metadata } = value as Fields;
    const name = shown((metadata as Fields | undefined | null)?.name ?? '');
    if (kind === 'Secret' || kind === 'ConfigMap') this.#collectEntries(value as Fields, `the ${kind} "${name}"`);
    else if (typeof kind === 'string' && Object.hasOwn(SEALED, kind))
      this.notices.push(`The ${kind} "${name}" was passed over: ${SEALED[kind]}.`);
    else
      for (const key of Object.keys(value)) {
        const inner = (value as Fields)[key];
        // A million short texts are passed by before a path is made for each.
        if (typeof inner === 'object' || (typeof inner === 'string' && inner.length >= LEAST_TEXT))
          this.collect(inner, [...path, key]);
      }
  }

  /** What was applied last stands in an annotation once more: only the entries are looked at. */
  #collectEntries(fields: Fields, owner: string): void {
    for (const group of ['data', 'binaryData', 'stringData'])
      for (const [name, text] of Object.entries((fields[group] as Fields | undefined | null) ?? {}))
        if (typeof text === 'string') this.texts.push({ owner, name: shown(name), text });
  }
}
