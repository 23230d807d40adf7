// An enumeration is more than types: it has to be compiled.
export enum Tide {
  High = 'high',
  Low = 'low',
}
