export const column = 'column';
