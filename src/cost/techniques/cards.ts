import { chipOf } from '../evidence/hardware.ts';

/** The formats of numbers that the matrix units of a card multiply. */
export interface Card {
  readonly chip: string;
  readonly tf32: boolean;
  readonly bf16: boolean;
  readonly fp16: boolean;
  readonly fp8: boolean;
}

const none = { tf32: false, bf16: false, fp16: false, fp8: false };
/** Volta and Turing: FP16 alone. */
const volta = { ...none, fp16: true };
const ampere = { ...volta, tf32: true, bf16: true };
/** Hopper, Ada and Blackwell. */
const hopper = { ...ampere, fp8: true };
/** CDNA 2 has no TF32; CDNA 3 has FP8. */
const cdna2 = { ...volta, bf16: true };

/** By the white papers of the architectures. */
const formats: Readonly<Record<string, Omit<Card, 'chip'>>> = {
  P100: none,
  V100: volta,
  T4: volta,
  A100: ampere,
  A10: ampere,
  A10G: ampere,
  A30: ampere,
  A40: ampere,
  A6000: ampere,
  3090: ampere,
  L4: hopper,
  L40: hopper,
  L40S: hopper,
  4090: hopper,
  H100: hopper,
  H200: hopper,
  H800: hopper,
  GH200: hopper,
  B200: hopper,
  GB200: hopper,
  B300: hopper,
  MI250: cdna2,
  MI250X: cdna2,
  MI300X: { ...cdna2, tf32: true, fp8: true },
};

/** The card of an accelerator by any of its names; null for one whose units are not known here. */
export function cardOf(accelerator: string): Card | null {
  const chip = chipOf(accelerator);
  const found = formats[chip];
  return found === undefined ? null : { chip, ...found };
}
