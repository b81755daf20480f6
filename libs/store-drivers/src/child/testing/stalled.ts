/** A file of this name: the children's file systems hang. `<pid>.<name>`: that child's does. */
export const STALLED = 'stalled';
