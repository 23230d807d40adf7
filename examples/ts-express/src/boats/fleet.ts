import { NoSuchBoat } from './errors';

export interface Boat {
  name: string;
  kilograms: number;
}

const FLEET: readonly Boat[] = [
  { name: 'coracle', kilograms: 12 },
  { name: 'kayak', kilograms: 24 },
];

export function names(): string[] {
  return FLEET.map((boat) => boat.name);
}

export function find(name: string): Boat {
  const boat = FLEET.find((boat) => boat.name === name);
  if (!boat) {
    throw new NoSuchBoat(name);
  }
  return boat;
}
