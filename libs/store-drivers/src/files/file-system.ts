/** What a file is, as lstat tells. */
export interface FileFacts {
  kind: 'file' | 'folder' | 'link' | 'other';
  uid: number;
  gid: number;
  /** The nine permission bits. */
  mode: number;
}

export interface FileState {
  content: Buffer;
  facts: FileFacts;
}

/**
 * What file stores ask of the place where their files are: of this machine, or of another one. Paths are absolute.
 * Calls reject with an error whose `code` is the system's ("ENOSPC", "EPERM"); `toFileError` makes sentences of them.
 */
export interface FileSystem {
  /** Undefined when there is nothing; ELOOP for a symbolic link; the facts alone for what is no regular file. Waits for no pipe. */
  read(path: string): Promise<FileState | FileFacts | undefined>;
  /** Of the link itself where it is one; undefined when there is nothing. */
  facts(path: string): Promise<FileFacts | undefined>;
  /** Makes an empty file that nobody else may read (0600): exclusively, and not through a link. */
  create(path: string): Promise<NewFile>;
  /** Writes over a file that is there, cuts what was longer, and has it on the disk; not through a link. */
  overwrite(path: string, content: Uint8Array): Promise<void>;
  /** Rejects when a file that is there cannot be written. */
  checkWritable(path: string): Promise<void>;
  /** Replaces what is there, at once. */
  rename(from: string, to: string): Promise<void>;
  /** A second name of the same file, or of the same symbolic link. */
  link(path: string, second: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  readLink(path: string): Promise<string>;
  unlink(path: string): Promise<void>;
  /** With its parents, 0755. */
  makeFolder(path: string): Promise<void>;
  /** An empty one. */
  removeFolder(path: string): Promise<void>;
  /** Names in a folder; none when it is not there. */
  list(folder: string): Promise<string[]>;
  /** Has the names in a folder on the disk. */
  syncFolder(folder: string): Promise<void>;
  /** Whether something is mounted at the path itself; false where that cannot be known. */
  isMountPoint(path: string): Promise<boolean>;
}

/** A file that was just made, while it is open. */
export interface NewFile {
  facts(): Promise<FileFacts>;
  chown(uid: number, gid: number): Promise<void>;
  chmod(mode: number): Promise<void>;
  /**
   * Takes mode, ACL and extended attributes from another file. Answers why that cannot be known here ("there is no cp");
   * undefined when they are the same now. Rejects when there are some and they are refused.
   */
  takeAttributes(from: string): Promise<string | undefined>;
  write(content: Uint8Array): Promise<void>;
  /** Has it on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}
