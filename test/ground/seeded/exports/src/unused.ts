export const unused = 'a file that nothing imports';
