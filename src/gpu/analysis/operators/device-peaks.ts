/** Peak figures of one device as a trace sees it. FLOP/s are dense, 10^12 a second; bytes are 10^12 a second. */
export interface DevicePeaks {
  readonly memoryTb: number;
  /** FP32 outside Tensor Cores (AMD: the larger of vector and matrix units). */
  readonly fp32: number;
  /** FP32 inputs on Tensor Cores: TF32, where the device has it. */
  readonly tf32: number;
  /** FP16 or BF16 with FP32 accumulation on Tensor Cores or matrix units. */
  readonly fp16: number;
  readonly fp8?: number;
}

/**
 * Peaks by the name that drivers report, from the data sheets of NVIDIA and AMD: dense figures, boost clock. A trace
 * sees one of the two dies of an MI250 or MI250X, and the figures are of one die. The first match counts.
 */
const peaks: readonly (readonly [RegExp, DevicePeaks])[] = [
  [/\bB200\b/, { memoryTb: 8, fp32: 75, tf32: 1100, fp16: 2250, fp8: 4500 }],
  [/\bH200\b/, { memoryTb: 4.8, fp32: 66.9, tf32: 494.7, fp16: 989.4, fp8: 1978.9 }],
  [/\bH100 PCIe\b/, { memoryTb: 2, fp32: 51.2, tf32: 378, fp16: 756, fp8: 1513 }],
  [/\bH[18]00 .*HBM3\b|\bH[18]00.SXM/i, { memoryTb: 3.35, fp32: 66.9, tf32: 494.7, fp16: 989.4, fp8: 1978.9 }],
  [/\bA[18]00.SXM4.80GB\b/, { memoryTb: 2.039, fp32: 19.5, tf32: 156, fp16: 312 }],
  [/\bA[18]00.(80GB.PCIe|PCIE.80GB)\b/i, { memoryTb: 1.935, fp32: 19.5, tf32: 156, fp16: 312 }],
  [/\bA100.(SXM4.40GB|PCIE.40GB|PG509)/i, { memoryTb: 1.555, fp32: 19.5, tf32: 156, fp16: 312 }],
  [/\bV100.(PCIE)/i, { memoryTb: 0.9, fp32: 14, tf32: 14, fp16: 112 }],
  [/\bV100\b/, { memoryTb: 0.9, fp32: 15.7, tf32: 15.7, fp16: 125 }],
  [/\bL40S\b/, { memoryTb: 0.864, fp32: 91.6, tf32: 183, fp16: 362, fp8: 733 }],
  [/\bL4\b/, { memoryTb: 0.3, fp32: 30.3, tf32: 60, fp16: 121, fp8: 242 }],
  [/\bA10\b/, { memoryTb: 0.6, fp32: 31.2, tf32: 62.5, fp16: 125 }],
  [/\bT4\b/, { memoryTb: 0.32, fp32: 8.1, tf32: 8.1, fp16: 65 }],
  [/\bRTX 5090\b/, { memoryTb: 1.792, fp32: 104.8, tf32: 104.8, fp16: 209.5 }],
  [/\bRTX 4090\b/, { memoryTb: 1.008, fp32: 82.6, tf32: 82.6, fp16: 165.2 }],
  [/\bMI300X\b/, { memoryTb: 5.3, fp32: 163.4, tf32: 653.7, fp16: 1307.4, fp8: 2614.9 }],
  [/\bMI250X\b/, { memoryTb: 1.638, fp32: 47.9, tf32: 47.9, fp16: 191.5 }],
  [/\bMI250\b/, { memoryTb: 1.638, fp32: 45.3, tf32: 45.3, fp16: 181 }],
  [/\bMI210\b/, { memoryTb: 1.638, fp32: 45.3, tf32: 45.3, fp16: 181 }],
];

/** The peaks of a device by its name; undefined of a device that is not known. */
export function devicePeaks(name: string): DevicePeaks | undefined {
  return peaks.find(([pattern]) => pattern.test(name))?.[1];
}

/** Names that are known, for those who have to type one. */
export const knownDevices = [
  'A100-SXM4-80GB',
  'H100 SXM',
  'H200',
  'B200',
  'L40S',
  'RTX 4090',
  'MI210',
  'MI250X',
  'MI300X',
];
