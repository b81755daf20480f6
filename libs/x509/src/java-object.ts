import { malformed, overLimit } from './x509-error.ts';

/** What is read from; `take` moves past so many bytes and throws TRUNCATED at the end. */
export interface ByteSource {
  byte(): number;
  short(): number;
  int(): number;
  take(length: number): Uint8Array;
}

/** Type codes and flags of Java's Object Serialization Specification, section 6.4. */
const TC = {
  null: 0x70,
  reference: 0x71,
  classDescription: 0x72,
  object: 0x73,
  string: 0x74,
  array: 0x75,
  blockData: 0x77,
  endBlockData: 0x78,
} as const;
const STREAM_HEADER = 0xaced0005 | 0;
const FIRST_HANDLE = 0x7e0000;
const [WRITE_METHOD, SERIALIZABLE] = [0x01, 0x02];
const PRIMITIVE_BYTES: Record<string, number> = { B: 1, C: 2, D: 8, F: 4, I: 4, J: 8, S: 2, Z: 1 };
const MAX_DEPTH = 64;
/** A sealed key has a dozen. */
const MAX_VALUES = 1_000;

interface ClassDescription {
  name: string;
  flags: number;
  /** Type codes of its fields, in their order. */
  fields: string[];
  parent: ClassDescription | undefined;
}

/** Moves past one serialized Java object, as a sealed secret key is kept in a JCEKS. Throws X509Error for what it does not know. */
export function skipJavaObject(source: ByteSource): void {
  if (source.int() !== STREAM_HEADER) throw malformed('serialized Java object');
  new Skipper(source).content();
}

class Skipper {
  readonly #source: ByteSource;
  /** What references point to; only descriptions of classes matter. */
  readonly #handles: (ClassDescription | undefined)[] = [];
  #depth = 0;
  #values = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next content; answers its type code. */
  content(): number {
    if (++this.#values > MAX_VALUES) throw overLimit('Java object values', MAX_VALUES, 'A Java object has more values');
    if (++this.#depth > MAX_DEPTH) throw overLimit('Java object depth', MAX_DEPTH, 'A Java object is nested too deep');
    const code = this.#source.byte();
    switch (code) {
      case TC.null:
      case TC.endBlockData:
        break;
      case TC.reference:
        this.#source.int();
        break;
      case TC.string:
        this.#handles.push(undefined);
        this.#text();
        break;
      case TC.blockData:
        this.#source.take(this.#source.byte());
        break;
      case TC.object:
        this.#object();
        break;
      case TC.array:
        this.#array();
        break;
      default:
        throw malformed(`serialized Java object: type ${code}`);
    }
    this.#depth--;
    return code;
  }

  #text(): string {
    return Buffer.from(this.#source.take(this.#source.short())).toString('latin1');
  }

  #classDescription(): ClassDescription | undefined {
    const code = this.#source.byte();
    if (code === TC.null) return undefined;
    if (code === TC.reference) return this.#handles[this.#source.int() - FIRST_HANDLE];
    if (code !== TC.classDescription) throw malformed(`serialized Java class: type ${code}`);
    const description: ClassDescription = { name: this.#text(), flags: 0, fields: [], parent: undefined };
    this.#source.take(8);
    this.#handles.push(description);
    description.flags = this.#source.byte();
    for (let left = this.#source.short(); left > 0; left--) {
      const type = String.fromCharCode(this.#source.byte());
      this.#text();
      if (!(type in PRIMITIVE_BYTES)) this.content();
      description.fields.push(type);
    }
    this.#annotations();
    if (++this.#depth > MAX_DEPTH) throw overLimit('Java object depth', MAX_DEPTH, 'A Java object is nested too deep');
    description.parent = this.#classDescription();
    this.#depth--;
    return description;
  }

  #annotations(): void {
    while (this.content() !== TC.endBlockData);
  }

  #object(): void {
    const description = this.#classDescription();
    this.#handles.push(undefined);
    const classes: ClassDescription[] = [];
    for (let one = description; one && classes.length < MAX_DEPTH; one = one.parent) classes.push(one);
    if (classes.length === MAX_DEPTH) throw malformed('serialized Java class: its parents do not end');
    for (const { flags, fields } of classes.reverse()) {
      if (!(flags & SERIALIZABLE)) throw malformed('serialized Java object of a class that writes itself');
      for (const type of fields) this.#value(type);
      if (flags & WRITE_METHOD) this.#annotations();
    }
  }

  #array(): void {
    const type = this.#classDescription()?.name[1] ?? '';
    this.#handles.push(undefined);
    const length = this.#source.int();
    const size = PRIMITIVE_BYTES[type];
    if (size !== undefined) this.#source.take(length * size);
    else for (let left = length; left > 0; left--) this.#value(type);
  }

  #value(type: string): void {
    const size = PRIMITIVE_BYTES[type];
    if (size === undefined) this.content();
    else this.#source.take(size);
  }
}
