export const lab = 'gpu-cluster';
